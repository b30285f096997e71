import { anomalyReasons, type AnomalyReason } from '../../anomalies/core/reason.js';

/** How a partition's newest events came out. */
export interface RecentOutcomes {
  /** How many events these are. */
  readonly events: number;
  readonly invalid: number;
  /** The most frequent reason of the invalid ones; null without any. */
  readonly leadingReason: AnomalyReason | null;
}

const VALID = 0;

/** The outcomes of the last so many events, one byte each. */
export class OutcomeWindow {
  private readonly outcomes: Uint8Array;
  /** By outcome: valid, then the reasons in their order. */
  private readonly counts = new Uint32Array(anomalyReasons.length + 1);
  private next = 0;
  private size = 0;

  constructor(capacity: number) {
    this.outcomes = new Uint8Array(capacity);
  }

  /** @param reason why the event was set aside; null for one that counts */
  add(reason: AnomalyReason | null): void {
    const outcome = reason === null ? VALID : anomalyReasons.indexOf(reason) + 1;
    if (this.size === this.outcomes.length) this.change(this.outcomes[this.next] ?? VALID, -1);
    else this.size++;
    this.outcomes[this.next] = outcome;
    this.change(outcome, 1);
    if (++this.next === this.outcomes.length) this.next = 0;
  }

  recent(): RecentOutcomes {
    let leading = -1;
    for (let index = 0; index < anomalyReasons.length; index++)
      if (this.countOf(index) > (leading < 0 ? 0 : this.countOf(leading))) leading = index;
    return {
      events: this.size,
      invalid: this.size - (this.counts[VALID] ?? 0),
      leadingReason: anomalyReasons[leading] ?? null,
    };
  }

  private countOf(reasonIndex: number): number {
    return this.counts[reasonIndex + 1] ?? 0;
  }

  private change(outcome: number, by: number): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + by;
  }
}

/** With fewer events than this nothing is said: one bad event of two is no bad producer. */
export const MIN_EVENTS = 100;

/**
 * True when too many of a partition's newest events are invalid.
 * @param ratio ANOMALY_ALERT_RATIO
 */
export const isAlarming = (
  { events, invalid }: Pick<RecentOutcomes, 'events' | 'invalid'>,
  ratio: number,
): boolean => events >= MIN_EVENTS && invalid > events * ratio;
