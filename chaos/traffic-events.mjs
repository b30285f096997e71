// @ts-check

/**
 * Shares of all events, 0 to 1.
 * @typedef {object} Rates
 * @property {number} bad broken in one of many ways
 * @property {number} outOfOrder up to half a minute older than the newest
 * @property {number} late of a window that the watermark has passed
 * @property {number} tooLate more than MAX_LATENESS
 * @property {number} future more than 5 minutes ahead of their record
 * @property {number} repeated byte for byte what came a second or so ago
 * @property {number} repeatedLater byte for byte what came long ago, see `repeatAfterMs`
 * @property {number} altered the id of what came a second or so ago, and another content
 * @property {number} withoutId
 * @property {number} withoutKey
 */

/** @type {Rates} */
export const defaultRates = {
  bad: 0.02,
  outOfOrder: 0.2,
  late: 0.03,
  tooLate: 0.002,
  future: 0.002,
  repeated: 0.02,
  repeatedLater: 0.004,
  altered: 0.002,
  withoutId: 0.01,
  withoutKey: 0.01,
};

/** @typedef {import('./produce.mjs').NewRecord & { partition: number }} TrafficRecord */

const SUBSCRIBERS = 10_000;
/** Of how many events before it a repeat is: a second or so. */
const RECENT = 32_768;
const MINUTE = 60e6;
const DAY = 1440 * MINUTE;

const REGIONS = ['Almaty', 'Astana', 'Pavlodar', 'Taraz', 'Қарағанды', ''];

/** A seeded source of events, good and bad. What the pipeline makes of them, the oracle says: it reads the log. */
export class TrafficMaker {
  /** Of the topic; may grow. */
  partitions;
  #random;
  #rates;
  #repeatAfterMs;
  #subscribers;
  /** @type {TrafficRecord[]} */
  #recent = [];
  #made = 0;
  /** @type {{ dueAt: number, record: TrafficRecord }[]} */
  #later = [];

  /**
   * @param {object} options
   * @param {number} options.seed
   * @param {number} options.partitions
   * @param {Partial<Rates>} [options.rates]
   * @param {readonly [number, number]} [options.repeatAfterMs] when `repeatedLater` come again, in the time of events
   */
  constructor({ seed, partitions, rates = {}, repeatAfterMs = [30_000, 300_000] }) {
    this.partitions = partitions;
    this.#random = seeded(seed);
    this.#rates = { ...defaultRates, ...rates };
    this.#repeatAfterMs = repeatAfterMs;
    this.#subscribers = Array.from({ length: SUBSCRIBERS }, (_, index) => {
      const msisdn = String(7_700_000_000_000 + index * 7919);
      return { msisdn, key: Buffer.from(msisdn), hash: Math.imul(index + 1, 0x9e3779b1) >>> 0 };
    });
  }

  /** @param {number} clock the time of events now, epoch microseconds @returns {TrafficRecord} */
  next(clock) {
    const timestamp = Math.floor(clock / 1000);
    const overdue = this.#later[0];
    if (overdue && overdue.dueAt <= timestamp) {
      this.#later.shift();
      return { ...overdue.record, timestamp };
    }
    const rates = this.#rates;
    if (this.#made > 0 && this.#chance(rates.repeated)) return { ...this.#recentOne(), timestamp };
    const record = this.#make(clock, timestamp);
    this.#recent[this.#made++ % RECENT] = record;
    if (this.#chance(rates.repeatedLater)) {
      const [from, to] = this.#repeatAfterMs;
      this.#later.push({ dueAt: timestamp + from + this.#random() * (to - from), record });
    }
    return record;
  }

  /** @param {number} clock @param {number} timestamp @returns {TrafficRecord} */
  #make(clock, timestamp) {
    const rates = this.#rates;
    const { msisdn, key, hash } = this.#oneOf(this.#subscribers);
    const withoutKey = this.#chance(rates.withoutKey);
    const partition = withoutKey ? this.#below(this.partitions) : hash % this.partitions;
    const time = this.#timeOf(clock);
    const text = this.#chance(rates.altered)
      ? this.#render(this.#idOfRecent() ?? this.#id(), msisdn, time)
      : this.#render(this.#chance(rates.withoutId) ? null : this.#id(), msisdn, time);
    const value = this.#chance(rates.bad) ? this.#oneOf(breaks)(text) : Buffer.from(text);
    return { partition, key: withoutKey ? null : key, value, timestamp };
  }

  /** @param {number} clock epoch microseconds */
  #timeOf(clock) {
    const { outOfOrder, late, tooLate, future } = this.#rates;
    const draw = this.#random();
    if (draw < future) return clock + 6 * MINUTE + this.#below(10 * MINUTE);
    if (draw < future + tooLate) return clock - 7 * DAY - MINUTE - this.#below(DAY);
    if (draw < future + tooLate + late) return clock - 2 * MINUTE - this.#below(60 * MINUTE);
    return draw < future + tooLate + late + outOfOrder ? clock - this.#below(MINUTE / 2) : clock;
  }

  /** @param {string | null} id @param {string} msisdn @param {number} time epoch microseconds */
  #render(id, msisdn, time) {
    const draw = this.#random();
    const region = this.#oneOf(REGIONS);
    const start =
      `{${id === null ? '' : `"event_id": "${id}", `}"msisdn": "${msisdn}", "region": "${region}", ` +
      `"cell_tower_id": ${1000 + this.#below(9000)}, "timestamp": "${formatTime(time)}", `;
    if (draw < 0.6) {
      const megabytes = (500 + this.#below(49_500)) / 100;
      return `${start}"event_type": "data_session", "event_subtype": null, "duration_seconds": ${60 + this.#below(3540)}, "data_mb": ${megabytes}}`;
    }
    const direction = this.#random() < 0.5 ? 'incoming' : 'outgoing';
    if (draw < 0.85)
      return `${start}"event_type": "call", "event_subtype": "${direction}", "duration_seconds": ${5 + this.#below(595)}}`;
    if (draw < 0.95) return `${start}"event_type": "sms", "event_subtype": "${direction}"}`;
    const amount = (10_000 + this.#below(90_000)) / 100;
    return `${start}"event_type": "balance_recharge", "event_subtype": null, "amount": ${amount}}`;
  }

  #id() {
    const [one, two, three, four] = [this.#word(), this.#word(), this.#word(), this.#word()];
    return `${one}-${two.slice(4)}-4${two.slice(1, 4)}-a${three.slice(5)}-${three.slice(0, 4)}${four}`;
  }

  #word() {
    return this.#below(2 ** 32)
      .toString(16)
      .padStart(8, '0');
  }

  /** The event comes to the partition of its own subscriber, which is that of the other one by chance only. */
  #idOfRecent() {
    const { value } = this.#made > 0 ? this.#recentOne() : { value: null };
    return value === null
      ? null
      : (/"event_id": "([^"]+)"/.exec(value.toString('latin1', 0, 64))?.[1] ?? null);
  }

  /** @returns {TrafficRecord} */
  #recentOne() {
    return this.#oneOf(this.#recent);
  }

  /** @param {number} share */
  #chance(share) {
    return this.#random() < share;
  }

  /** @param {number} limit */
  #below(limit) {
    return Math.floor(this.#random() * limit);
  }

  /** @template T @param {readonly T[]} items @returns {T} */
  #oneOf(items) {
    return /** @type {T} */ (items[this.#below(items.length)]);
  }
}

/** Ways to break an event; most make anomalies of it. @type {readonly ((text: string) => Buffer | null)[]} */
const breaks = [
  () => null,
  () => Buffer.alloc(0),
  (text) => Buffer.from(text.slice(0, -7)),
  (text) => Buffer.from(`[${text}]`),
  (text) => Buffer.from(text.replace('{', '{"region": "\u00ff", '), 'latin1'),
  (text) => Buffer.from(text.replace(/"msisdn": "\d+"/, '"msisdn": ""')),
  (text) => Buffer.from(text.replace(/"msisdn": "(\d+)"/, '"msisdn": $1')),
  (text) => Buffer.from(text.replace(/"event_type": "\w+"/, '"event_type": "mms"')),
  (text) => Buffer.from(text.replace('}', ', "duration_seconds": -1}')),
  (text) => Buffer.from(text.replace('}', ', "data_mb": 1e400}')),
  (text) => Buffer.from(text.replace('}', ', "amount": "100"}')),
  (text) => Buffer.from(text.replace('}', ', "event_subtype": {}}')),
  (text) => Buffer.from(text.replace(/"region": "[^"]*"/, `"region": "${'x'.repeat(101)}"`)),
  (text) => Buffer.from(text.replace(/"timestamp": "[^"]*"/, '"timestamp": "2025-02-30T10:00:00Z"')),
  (text) => Buffer.from(text.replace(/"timestamp": "[^"]*"/, '"timestamp": "2199-01-01T00:00:00Z"')),
  // Odd, and right all the same.
  (text) => Buffer.from(` ${text.replaceAll('", "', '" , "')}\n`),
  (text) => Buffer.from(text.replace('msisdn', 'm\\u0073isdn')),
];

/** @param {number} micros */
function formatTime(micros) {
  const millis = Math.floor(micros / 1000);
  return `${new Date(millis).toISOString().slice(0, -1)}${String(Math.floor(micros - millis * 1000)).padStart(3, '0')}Z`;
}

/** Marsaglia's xorshift of 32 bits, stirred at the end: numbers from 0 to below 1. @param {number} seed */
function seeded(seed) {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (Math.imul(state, 0x85ebca6b) >>> 0) / 2 ** 32;
  };
}
