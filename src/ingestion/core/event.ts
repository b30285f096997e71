import type { AnomalyReason } from '../../anomalies/core/reason.js';

export const eventTypes = ['data_session', 'call', 'sms', 'balance_recharge'] as const;
export type EventType = (typeof eventTypes)[number];

/** Bounds of the rules: of a duration, volume or amount, and of names in characters. */
export const MAX_QUANTITY = 1e9;
export const MAX_SUBTYPE = 50;
export const MAX_REGION = 100;

/** Key of events that name no region. */
export const UNKNOWN_REGION = 'unknown';

/** A parsed JSON object, not judged yet. Read only known names from it: it may hold anything. */
export type RawEvent = Readonly<Record<string, unknown>>;

/** An event that every rule about its content accepts. */
export interface ValidEvent {
  readonly reason: null;
  /** Epoch microseconds. */
  readonly eventTime: number;
  /** Key in the event type windows: `sms`, `call_incoming`. */
  readonly typeKey: string;
  /** Key in the region windows; `unknown` where the event names none. */
  readonly region: string;
  /** What the event type sums up, in micro-units: megabytes of a data session, amount of a recharge; otherwise 0. */
  readonly micros: number;
  /** Hash of the event_id, two signed 32-bit integers; both 0 for an event without one. */
  readonly idHigh: number;
  readonly idLow: number;
}

/** Bad data is a value, never an exception. */
export interface Rejection {
  readonly reason: AnomalyReason;
  readonly detail: string;
  readonly event: RawEvent | null;
}

export type Verdict = ValidEvent | Rejection;

/** A record that holds a JSON object, or the reason why not. */
export type Decoded = { readonly reason: null; readonly event: RawEvent } | Rejection;
