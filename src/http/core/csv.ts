import { stringify } from 'csv-stringify/sync';
import { JsonText } from './json-text.js';

/**
 * What a spreadsheet would take for a formula, also behind white space or invisible characters, or in full-width forms,
 * and the control characters that OWASP lists beside them.
 */
const FORMULA = /^[\s\p{C}]*[=+\-@＝＋－＠]|^[\t\r\n]/u;

/**
 * RFC 4180 with a header row. An apostrophe goes before every text that a spreadsheet would run as a formula.
 * Objects and arrays become JSON; null becomes an empty field.
 * @param columns names of the fields, in order; the header row says the same
 */
export function toCsv(columns: readonly string[], rows: readonly object[]): string {
  return stringify([...rows], {
    header: true,
    columns: [...columns],
    cast: {
      string: (text) => (FORMULA.test(text) ? `'${text}` : text),
      boolean: (value) => String(value),
      object: (value) => (value instanceof JsonText ? value.text : JSON.stringify(value)),
    },
  });
}
