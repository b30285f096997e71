import { IdLog } from './id-log.js';
import { IdSlots, UNKNOWN } from './id-slots.js';

describe('slots of ids', () => {
  it.each([
    [0, 256],
    [85, 256],
    [86, 512],
    [1_000_000, 4_194_304],
  ])('for %i ids are %i', (ids, slots) => {
    expect(IdSlots.sizeFor(ids)).toBe(slots);
  });

  it('are full from three quarters on, and crowded from seven eighths on', () => {
    const log = new IdLog();
    const slots = new IdSlots(log, 20, 256);
    const at = { isFull: 0, isCrowded: 0 };
    while (!slots.isCrowded) {
      slots.put(log.until, log.until, 1);
      log.append(log.until, 1, 0);
      for (const name of ['isFull', 'isCrowded'] as const) if (slots[name]) at[name] ||= log.until;
    }
    expect(at).toEqual({ isFull: 192, isCrowded: 224 });
  });

  it('are prepared bit by bit, and hold nothing by that', () => {
    const slots = new IdSlots(new IdLog(), 20, 2 ** 13);
    expect(Array.from({ length: 5 }, () => slots.prepare())).toEqual([false, false, false, true, true]);
    expect(slots.find(0, 1)).toBe(UNKNOWN);
  });

  it.each([1, 3, 64])(
    'take %i ids at once as one by one, and looking ahead for them changes nothing',
    (count) => {
      const log = new IdLog();
      const slots = new IdSlots(log, 20, 256);
      for (let id = 0; id < count; id++) log.append(id % 2, id, 0);
      for (const { seq, ids } of log.runs(0)) slots.putAll(seq, ids);
      slots.touch(Int32Array.of(0, 1, 2), 3);
      const found = Array.from({ length: count + 1 }, (_, id) => slots.find(id % 2, id));
      expect(found).toEqual([...Array(count).keys(), UNKNOWN]);
    },
  );

  it('tell the last number of an id, whatever comes after it for others of the same slot', () => {
    const log = new IdLog();
    const slots = new IdSlots(log, 20, 256);
    const ids = [1, 2, 1, 3, 2, 1].map((low) => [7, low] as const);
    const before = ids.map(([high, low], seq) => {
      const last = slots.put(seq, high, low);
      log.append(high, low, 0);
      return last;
    });
    expect(before).toEqual([UNKNOWN, UNKNOWN, 0, UNKNOWN, 1, 2]);
    expect([1, 2, 3, 4].map((low) => slots.find(7, low))).toEqual([5, 4, 3, UNKNOWN]);
  });
});
