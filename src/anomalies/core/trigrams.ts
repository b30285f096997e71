/** More of them tell a text hardly better apart, and each costs a look into the index. */
const TELLING = 8;

/** When more of a sample have all trigrams than this, an index would give too much of its table. */
const FREQUENT = 0.25;

/**
 * Bytes as PostgreSQL's `encode(…, 'escape')` writes them: ASCII as it is, a backslash twice, other bytes as `\ooo`.
 */
export const escapeForm = (bytes: Uint8Array): string =>
  [...bytes]
    .map((byte) =>
      byte === 0x5c
        ? '\\\\'
        : byte > 0 && byte < 0x80
          ? String.fromCharCode(byte)
          : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');

/**
 * Trigrams, as pg_trgm has them, that every text which holds the term has: of its words in lower case, with two blanks
 * before a word and one behind it. Where a word touches an end of the term it may go on in the text, so it has no
 * blanks there.
 * @param term in {@link escapeForm}
 * @returns none when the term is too short
 */
export function trigramsOf(term: string): Set<string> {
  const lower = term.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const trigrams = new Set<string>();
  for (const { 0: word, index } of lower.matchAll(/[0-9a-z]+/g)) {
    const padded = `${index > 0 ? '  ' : ''}${word}${index + word.length < lower.length ? ' ' : ''}`;
    for (let at = 0; at + 3 <= padded.length; at++) trigrams.add(padded.slice(at, at + 3));
  }
  return trigrams;
}

/**
 * The trigrams that are worth asking an index for, by a few of the texts that it has: the rarest.
 * @returns null when all of them are frequent: reading finds such a term, or nothing does
 */
export function tellingTrigrams(trigrams: ReadonlySet<string>, sample: readonly string[]): string[] | null {
  const texts = sample.map((text) => trigramsOf(`\n${text}\n`));
  const counts = new Map([...trigrams].map((one) => [one, texts.filter((text) => text.has(one)).length]));
  const holding = texts.filter((text) => [...trigrams].every((one) => text.has(one))).length;
  if (holding > sample.length * FREQUENT) return null;
  return [...counts]
    .sort(([, a], [, b]) => a - b)
    .slice(0, TELLING)
    .map(([trigram]) => trigram);
}
