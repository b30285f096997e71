import type { KeyRules } from './answer-key.js';

/** Of the configuration, what decides what becomes of an event. */
interface RuleConfig {
  /** Bytes. */
  readonly MAX_EVENT_BYTES: number;
  /** Milliseconds. */
  readonly MAX_LATENESS: number;
  readonly WATERMARK_DELAY: number;
  readonly LATE_EVENTS: 'amend' | 'divert';
}

export const keyRules = ({ MAX_LATENESS, WATERMARK_DELAY, LATE_EVENTS }: RuleConfig): KeyRules => ({
  maxLateness: MAX_LATENESS,
  watermarkDelay: WATERMARK_DELAY,
  lateEvents: LATE_EVENTS,
});

/** What broken events have to exceed. */
export const trafficLimits = ({
  MAX_EVENT_BYTES,
  MAX_LATENESS,
}: RuleConfig): { maxEventBytes: number; maxLatenessSeconds: number } => ({
  maxEventBytes: MAX_EVENT_BYTES,
  maxLatenessSeconds: MAX_LATENESS / 1000,
});
