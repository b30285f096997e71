export const eventTypes = ['data_session', 'call', 'sms', 'balance_recharge'] as const;
export type EventType = (typeof eventTypes)[number];
export type Direction = 'incoming' | 'outgoing';

/** What happened, before it is written down: the facts an answer key counts. */
export interface TelecomEvent {
  readonly eventId: string;
  /** 13 digits, the first may be 0. */
  readonly msisdn: string;
  readonly region: string;
  readonly cellTowerId: number;
  /** Epoch microseconds. */
  readonly eventTime: number;
  readonly type: EventType;
  /** null but for call and sms. */
  readonly subtype: Direction | null;
  /** Of call and data_session. */
  readonly durationSeconds: number | null;
  /** MB of a data_session, with two decimals. */
  readonly dataMb: number | null;
  /** Of a balance_recharge, with two decimals. */
  readonly amount: number | null;
}

/**
 * An event as the existing producer sends it: field for field, on one line, with a space after each comma and colon.
 * All ASCII, but for the names of regions.
 */
export function render(event: TelecomEvent): string {
  const subtype = event.subtype === null ? 'null' : `"${event.subtype}"`;
  return (
    `{"event_id": "${event.eventId}", "msisdn": "${event.msisdn}", "region": "${event.region}", ` +
    `"cell_tower_id": ${event.cellTowerId}, "timestamp": "${formatTimestamp(event.eventTime)}", ` +
    `"event_type": "${event.type}", "event_subtype": ${subtype}${renderMeasures(event)}}`
  );
}

function renderMeasures({ type, durationSeconds, dataMb, amount }: TelecomEvent): string {
  let text = '';
  // Misspelt in data sessions: the existing producer does so, and consumers have to live with it.
  if (durationSeconds !== null)
    text += `, "${type === 'data_session' ? 'uration_seconds' : 'duration_seconds'}": ${durationSeconds}`;
  if (dataMb !== null) text += `, "data_mb": ${formatDecimal(dataMb)}`;
  if (amount !== null) text += `, "amount": ${formatDecimal(amount)}`;
  return text;
}

/** `430.25`, `430.3`, `430.0`. */
const formatDecimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

// A run's events share their seconds by the hundreds, also when they are late or out of order, and toISOString costs more
// than all the rest of a timestamp: the texts of the last seconds are kept, each in its place.
const PLACES = 4096;
const seconds = new Float64Array(PLACES).fill(Number.NaN);
const texts = new Array<string>(PLACES).fill('');

/**
 * ISO 8601 in UTC with microseconds: `2025-11-08T10:15:30.123456Z`.
 * @param micros epoch microseconds, a whole number
 */
export function formatTimestamp(micros: number): string {
  const second = Math.floor(micros / 1e6);
  const place = second & (PLACES - 1);
  if (seconds[place] !== second) {
    texts[place] = new Date(second * 1000).toISOString().slice(0, 19);
    seconds[place] = second;
  }
  return `${texts[place]}.${String(micros - second * 1e6).padStart(6, '0')}Z`;
}
