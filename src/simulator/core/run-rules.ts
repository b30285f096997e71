import type { KeyRules } from './answer-key.js';

/** All of the rules that a run and its answer depend on. */
export interface RunRules extends KeyRules {
  /** Bytes. */
  readonly maxEventBytes: number;
}

/** Of the configuration, what decides what becomes of an event. */
interface RuleConfig {
  /** Bytes. */
  readonly MAX_EVENT_BYTES: number;
  /** Milliseconds. */
  readonly MAX_LATENESS: number;
  readonly WATERMARK_DELAY: number;
  readonly LATE_EVENTS: 'amend' | 'divert';
  readonly DEDUPLICATION_WINDOW: number;
}

export const runRules = ({
  MAX_EVENT_BYTES,
  MAX_LATENESS,
  WATERMARK_DELAY,
  LATE_EVENTS,
  DEDUPLICATION_WINDOW,
}: RuleConfig): RunRules => ({
  maxEventBytes: MAX_EVENT_BYTES,
  maxLateness: MAX_LATENESS,
  watermarkDelay: WATERMARK_DELAY,
  lateEvents: LATE_EVENTS,
  deduplicationWindow: DEDUPLICATION_WINDOW,
});

/** What broken events have to exceed. */
export const trafficLimits = ({
  maxEventBytes,
  maxLateness,
}: RunRules): { maxEventBytes: number; maxLatenessSeconds: number } => ({
  maxEventBytes,
  maxLatenessSeconds: maxLateness / 1000,
});
