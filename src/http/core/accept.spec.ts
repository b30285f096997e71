import { prefersCsv } from './accept.js';

describe('the Accept header', () => {
  it.each([
    ['text/csv', true],
    ['text/csv; charset=utf-8', true],
    ['Text/CSV'.toLowerCase(), true],
    ['text/csv, */*;q=0.1', true],
    ['application/json;q=0.5, text/csv', true],
    ['text/csv;q=0.5, application/json', false],
    ['text/csv;q=0', false],
    ['application/json', false],
    ['*/*', false],
    ['text/html,application/xhtml+xml,*/*;q=0.8', false],
    [undefined, false],
  ])('%j asks for CSV: %s', (accept, expected) => {
    expect(prefersCsv(accept)).toBe(expected);
  });
});
