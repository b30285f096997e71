import { keyMatcher, presentedKeys } from './credentials.js';

const KEY = 'k'.repeat(31) + ':';
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the keys a request shows', () => {
  it.each([
    [{}, []],
    [{ 'x-api-key': KEY }, [KEY]],
    [{ authorization: `Bearer ${KEY}` }, [KEY]],
    [{ authorization: `bearer  ${KEY} ` }, [KEY]],
    [{ authorization: basic(`anyone:${KEY}`) }, [KEY]],
    [{ authorization: basic('nocolon') }, ['']],
    [{ authorization: KEY }, []],
    [{ authorization: `Digest ${KEY}` }, []],
    [{ authorization: 'Bearer wrong', 'x-api-key': KEY }, [KEY, 'wrong']],
  ])('%j: %j', (headers, expected) => {
    expect(presentedKeys(headers)).toEqual(expected);
  });
});

describe('a key', () => {
  it('matches itself and nothing else', () => {
    const matches = keyMatcher(KEY);
    expect(matches(KEY)).toBe(true);
    for (const other of ['', ' ', KEY.slice(1), `${KEY} `, KEY.toUpperCase(), 'x'.repeat(100_000)]) {
      expect(matches(other)).toBe(false);
    }
  });
});
