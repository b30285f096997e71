import { Conditions, likeAnywhere } from './conditions.js';

describe('conditions', () => {
  it('are nothing without any', () => {
    expect(String(new Conditions())).toBe('');
  });

  it('number their values in the order they come', () => {
    const where = new Conditions().add('a = ?', 1).add('(b, c) < (?, ?)', 2, 3);
    expect(`${String(where)} LIMIT ${where.parameter(4)}`).toBe(
      'WHERE a = $1 AND (b, c) < ($2, $3) LIMIT $4',
    );
    expect(where.values).toEqual([1, 2, 3, 4]);
  });

  it('look for wildcards as for any other character', () => {
    expect(likeAnywhere(String.raw`100%_\ `)).toBe(String.raw`%100\%\_\\ %`);
  });
});
