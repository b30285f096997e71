import { createHash } from 'node:crypto';
import type { z } from 'zod';

/**
 * Where a list goes on: the sort key of the last item that was given, in an opaque text for URLs.
 *
 * The digest is no secret. It makes a cursor that was typed, cut or made for another list an error of its own, instead
 * of a page from somewhere else.
 */
export interface CursorCodec<T> {
  encode(position: T): string;
  /** @returns null for anything that {@link encode} of the same list did not give */
  decode(cursor: string): T | null;
}

const DIGEST_BYTES = 8;

/**
 * @param list name of the list; a cursor of one list does not fit another
 * @param position what a position looks like; it has to survive JSON
 */
export function cursorCodec<T>(list: string, position: z.ZodType<T>): CursorCodec<T> {
  const digest = (json: Buffer): Buffer =>
    createHash('sha256').update(`cursor 1 ${list}\n`).update(json).digest().subarray(0, DIGEST_BYTES);
  return {
    encode(value) {
      const json = Buffer.from(JSON.stringify(value));
      return Buffer.concat([digest(json), json]).toString('base64url');
    },
    decode(cursor) {
      const bytes = Buffer.from(cursor, 'base64url');
      // Node skips what is not base64url; such a text never came from here.
      if (bytes.length <= DIGEST_BYTES || bytes.toString('base64url') !== cursor) return null;
      const json = bytes.subarray(DIGEST_BYTES);
      if (!digest(json).equals(bytes.subarray(0, DIGEST_BYTES))) return null;
      const result = position.safeParse(parseJson(json.toString()));
      return result.success ? result.data : null;
    },
  };
}

/** @returns undefined for what is not JSON: anyone can compute the digest of anything */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
