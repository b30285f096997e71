import { randomUUID } from 'node:crypto';

/**
 * JSON that goes out as it came in. Parsing and printing it again would lose digits of long numbers, turn 1e400 into
 * null, and drop duplicate keys.
 */
export class JsonText {
  /** @param text has to be valid JSON */
  constructor(readonly text: string) {}
}

/** Marks the places of {@link JsonText}s. Not to be guessed, so that no event can hold one. */
const MARK = randomUUID();
const PLACE = new RegExp(`"${MARK}:(\\d+)"`, 'g');

/** `JSON.stringify`, with the text of every {@link JsonText} in its place. */
export function stringifyExactly(value: unknown): string {
  const texts: string[] = [];
  const json = JSON.stringify(value, (_, item: unknown) =>
    item instanceof JsonText ? `${MARK}:${texts.push(item.text) - 1}` : item,
  );
  return texts.length === 0
    ? json
    : json.replace(PLACE, (_, index: string) => texts[Number(index)] ?? 'null');
}
