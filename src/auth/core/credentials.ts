import { createHash, timingSafeEqual } from 'node:crypto';

/** The headers that may hold a key. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | readonly string[] | undefined;
}

/**
 * Every key a request shows: `Authorization: Bearer <key>`, `X-API-Key: <key>`, and, for browsers, the password of
 * `Authorization: Basic`, whatever the user name.
 */
export function presentedKeys(headers: CredentialHeaders): string[] {
  const keys = [headers['x-api-key'] ?? []].flat();
  const [, scheme, value = ''] = /^(bearer|basic) +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (scheme?.toLowerCase() === 'bearer') keys.push(value);
  if (scheme?.toLowerCase() === 'basic') {
    const [, ...password] = Buffer.from(value, 'base64').toString('utf8').split(':');
    keys.push(password.join(':'));
  }
  return keys;
}

/**
 * Compares with a key in a time that tells nothing: digests are of one length, whatever was shown.
 */
export function keyMatcher(key: string): (presented: string) => boolean {
  const expected = sha256(key);
  return (presented) => timingSafeEqual(sha256(presented), expected);
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
