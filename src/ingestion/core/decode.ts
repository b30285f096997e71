import { isUtf8 } from 'node:buffer';
import type { Decoded, RawEvent, Rejection } from './event.js';

/** The first two rules: from a record's bytes to a JSON object. */
export function decode(value: Buffer | null, maxBytes: number): Decoded {
  if (value === null) return malformed('the record is a tombstone');
  if (value.length > maxBytes)
    return {
      reason: 'oversized',
      detail: `the record has ${value.length} bytes, more than ${maxBytes}`,
      event: null,
    };
  if (value.length === 0) return malformed('the record is empty');
  if (!isUtf8(value)) return malformed('the record is not valid UTF-8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(value.toString('utf8'));
  } catch {
    // V8's message would quote the event, and with it an msisdn.
    return malformed('the record is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return malformed(`the record is ${kindOf(parsed)}, not a JSON object`);
  return { reason: null, event: parsed as RawEvent };
}

/** What a JSON value is, without its content. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'boolean' ? `a boolean` : `a ${typeof value}`;
}

const malformed = (detail: string): Rejection => ({ reason: 'malformed_json', detail, event: null });
