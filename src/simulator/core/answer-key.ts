import type { SentEvent } from './traffic.js';
import type { TelecomEvent } from './telecom-event.js';

/*
 * What the pipeline must make of a run's events, worked out from the facts they were made of. It shares no code with the
 * pipeline, on purpose: a fault of the one is not one of the other. The rules are those of docs/architecture.md.
 */

/** The rules that the pipeline's configuration sets. Milliseconds. */
export interface KeyRules {
  readonly maxLateness: number;
  readonly watermarkDelay: number;
  readonly lateEvents: 'amend' | 'divert';
  /** Of event time; 0 where repeats count like all others. */
  readonly deduplicationWindow: number;
}

/** What is asked of an event: the facts, and what was done to it. */
export type KeyedEvent = Pick<SentEvent, 'event' | 'fault' | 'dueAt'>;

/** How many events are in a window, how many of them late, and the sum of what they measure, × 1e6. */
export interface WindowSums {
  readonly eventCount: number;
  readonly lateEvents: number;
  readonly sumMicros: bigint;
}

/** What a run must have added to a window of a key. */
export interface KeyedWindow extends WindowSums {
  readonly metricType: string;
  readonly metricKey: string;
  /** Epoch milliseconds. */
  readonly windowStart: number;
}

export interface WindowAnswer extends KeyedWindow {
  readonly windowEnd: number;
}

/** What becomes of the events of one partition. */
export interface PartitionAnswer {
  readonly partition: number;
  readonly sent: number;
  readonly counted: number;
  readonly lateCounted: number;
  /** Repeats of earlier ones, which do not count. */
  readonly duplicates: number;
  /** By reason. */
  readonly anomalies: Readonly<Record<string, number>>;
}

/** All of it, as it goes from the thread that generates to the one that stores. */
export interface Answer {
  readonly partitions: readonly PartitionAnswer[];
  readonly windows: readonly WindowAnswer[];
  /** Why there are no windows, or why what the pipeline makes of the events cannot be told for sure; null when it can. */
  readonly doubt: string | null;
}

/** Windows that are kept in memory at most, some 40 MB. */
const MAX_WINDOWS = 200_000;
/** How far an event may be ahead of its record. */
const MAX_AHEAD_MS = 300_000;

/** Earlier years are no valid timestamps. */
const YEAR_2000_MICROS = Date.UTC(2000) * 1000;

const MINUTE = 60_000;
const TYPE_WINDOW = { metricType: 'event_type_agg', length: 5 * MINUTE };
const REGION_WINDOW = { metricType: 'region_agg', length: 10 * MINUTE };
type Window = typeof TYPE_WINDOW;

interface Sums {
  count: number;
  late: number;
  /** Of values with two decimals, × 100. */
  hundredths: number;
}

interface Partition {
  sent: number;
  counted: number;
  lateCounted: number;
  duplicates: number;
  anomalies: Record<string, number>;
  /** Newest accepted event time, epoch microseconds; −∞ before the first. */
  newest: number;
  /** Of the last events that were accepted, by id: what `newest` was then, milliseconds. */
  readonly ids: Map<string, number>;
}

/** Repeats come some 50 events after their originals, and at most twice as many. */
const KEPT_IDS = 200;

/** Keeps the answer while events go out, one call for each, in the order of the log. */
export class AnswerKey {
  private readonly partitions: readonly Partition[];
  /** By key, then by start of the window. */
  private readonly types = new Map<string, Map<number, Sums>>();
  private readonly regions = new Map<string, Map<number, Sums>>();
  private windows = 0;
  private ahead = 0;

  /**
   * @param newest of each partition the newest event time that was accepted before the run, epoch microseconds
   * @param startedAt no event is sent before this instant, epoch milliseconds
   * @param paced whether each is sent by its `dueAt` later, at the earliest
   */
  constructor(
    private readonly rules: KeyRules,
    newest: readonly (number | null)[],
    private readonly startedAt: number,
    private readonly paced = true,
  ) {
    this.partitions = newest.map((time) => ({
      sent: 0,
      counted: 0,
      lateCounted: 0,
      duplicates: 0,
      anomalies: {},
      newest: time ?? Number.NEGATIVE_INFINITY,
      ids: new Map(),
    }));
  }

  add(sent: KeyedEvent, partition: number): void {
    const log = this.partitions[partition];
    if (!log) throw new RangeError(`There is no partition ${partition}`);
    log.sent++;
    const reason = sent.fault ?? this.judge(sent, log);
    if (reason === 'duplicate') log.duplicates++;
    else if (reason !== null) log.anomalies[reason] = (log.anomalies[reason] ?? 0) + 1;
  }

  answer(): Answer {
    return {
      partitions: this.partitions.map(({ sent, counted, lateCounted, duplicates, anomalies }, partition) => ({
        partition,
        sent,
        counted,
        lateCounted,
        duplicates,
        anomalies,
      })),
      windows: [...answers(TYPE_WINDOW, this.types), ...answers(REGION_WINDOW, this.regions)],
      doubt: this.doubt(),
    };
  }

  private doubt(): string | null {
    if (this.windows > MAX_WINDOWS) return `its events fall into more than ${MAX_WINDOWS} windows`;
    return this.ahead > 0
      ? `${this.ahead} events were more than 5 min ahead of the clock: whether they count depends on when the log took them`
      : null;
  }

  /** Counts a whole event. @returns why it does not count, or null when it does */
  private judge({ event, dueAt }: KeyedEvent, log: Partition): string | null {
    const { maxLateness, watermarkDelay, lateEvents } = this.rules;
    const { eventTime } = event;
    if (eventTime < YEAR_2000_MICROS) return 'invalid_timestamp';
    const sentAt = this.startedAt + (this.paced ? dueAt : 0);
    if (eventTime / 1000 > sentAt + MAX_AHEAD_MS) this.ahead++;
    const newest = Math.max(log.newest, eventTime);
    const isRepeat = this.isRepeat(event.eventId, newest, log);
    const isTooLate = log.newest - eventTime > maxLateness * 1000;
    if (!isTooLate) remember(event.eventId, isRepeat ? log.newest : newest, log);
    if (isRepeat) return 'duplicate';
    if (isTooLate) return 'too_late';

    const watermark = log.newest / 1000 - watermarkDelay;
    const typeStart = startOf(TYPE_WINDOW, eventTime);
    const regionStart = startOf(REGION_WINDOW, eventTime);
    const lateForType = typeStart + TYPE_WINDOW.length <= watermark;
    const lateForRegion = regionStart + REGION_WINDOW.length <= watermark;
    if (lateForType || lateForRegion) {
      if (lateEvents === 'divert') return 'late_event';
      log.lateCounted++;
    } else log.counted++;
    log.newest = newest;
    this.count(this.types, typeKey(event), typeStart, lateForType, event.dataMb ?? event.amount ?? 0);
    this.count(this.regions, event.region, regionStart, lateForRegion, 0);
    return null;
  }

  private isRepeat(id: string, newest: number, { ids }: Partition): boolean {
    const { deduplicationWindow } = this.rules;
    const before = ids.get(id);
    return (
      deduplicationWindow > 0 &&
      before !== undefined &&
      Math.floor(newest / 1000) - before <= deduplicationWindow
    );
  }

  private count(
    keys: Map<string, Map<number, Sums>>,
    key: string,
    start: number,
    late: boolean,
    value: number,
  ): void {
    let windows = keys.get(key);
    if (!windows) keys.set(key, (windows = new Map<number, Sums>()));
    let sums = windows.get(start);
    if (!sums) {
      this.windows++;
      if (this.windows > MAX_WINDOWS) {
        this.types.clear();
        this.regions.clear();
        return;
      }
      windows.set(start, (sums = { count: 0, late: 0, hundredths: 0 }));
    }
    sums.count++;
    if (late) sums.late++;
    sums.hundredths += Math.round(value * 100);
  }
}

function remember(id: string, newest: number, { ids }: Partition): void {
  ids.delete(id);
  ids.set(id, Math.floor(newest / 1000));
  if (ids.size > KEPT_IDS) for (const oldest of ids.keys()) return void ids.delete(oldest);
}

/** @param eventTime epoch microseconds @returns epoch milliseconds */
const startOf = ({ length }: Window, eventTime: number): number =>
  Math.floor(eventTime / 1000 / length) * length;

const typeKey = ({ type, subtype }: TelecomEvent): string => (subtype === null ? type : `${type}_${subtype}`);

function* answers(
  { metricType, length }: Window,
  keys: Map<string, Map<number, Sums>>,
): Generator<WindowAnswer> {
  for (const [metricKey, windows] of keys)
    for (const [windowStart, { count, late, hundredths }] of windows)
      yield {
        metricType,
        metricKey,
        windowStart,
        windowEnd: windowStart + length,
        eventCount: count,
        lateEvents: late,
        sumMicros: BigInt(hundredths) * 10_000n,
      };
}
