import { apply } from 'tiny-merge-patch';
import { decode } from '../../ingestion/core/decode.js';

/**
 * An event with a merge patch (RFC 7396) applied to it.
 * @param record the record as it came
 * @param patch a JSON object
 * @returns null when the record is no JSON object, which no patch can repair
 */
export function patchedEvent(record: Buffer | null, patch: object): Buffer | null {
  const { event } = decode(record, Infinity);
  if (event === null) return null;
  try {
    return Buffer.from(JSON.stringify(apply(event, patch)));
  } catch {
    return null; // nested so deeply that it can be read, but not written
  }
}
