import { axisTop, hourOf, rankingOf, slotsOf, totalOf, typeOf } from './public/assets/windows.js';

const at = (time: string): number => Date.parse(`2025-11-08T${time}Z`);

const metric = (windowStart: string, metricKey: string, eventCount: number, more = {}) => ({
  windowStart: `2025-11-08T${windowStart}Z`,
  metricKey,
  eventCount,
  metricValue: eventCount,
  lateEvents: 0,
  status: 'final',
  ...more,
});

describe('hourOf', () => {
  test('ends with the window that the instant lies in', () => {
    expect(hourOf(at('10:17:30'))).toEqual({ from: at('09:20:00'), to: at('10:20:00') });
    expect(hourOf(at('10:20:00'))).toEqual({ from: at('09:25:00'), to: at('10:25:00') });
  });
});

describe('slotsOf', () => {
  const hour = hourOf(at('10:17:30'));

  test('has a slot for every window, also for those without events', () => {
    const slots = slotsOf([], hour);
    expect(slots).toHaveLength(12);
    expect(slots[0]).toMatchObject({ start: at('09:20:00'), end: at('09:25:00'), status: null, total: 0 });
    expect(slots[11]).toMatchObject({ start: at('10:15:00'), end: at('10:20:00') });
  });

  test('adds the subtypes of a type, and takes gigabytes from data sessions alone', () => {
    const slots = slotsOf(
      [
        metric('10:15:00', 'call_incoming', 3),
        metric('10:15:00', 'call_outgoing', 4),
        metric('10:15:00', 'data_session', 2, { metricValue: 1.5 }),
        metric('10:15:00', 'data_session_roaming', 1, { metricValue: 0.25 }),
        metric('10:15:00', 'balance_recharge', 1, { metricValue: 900 }),
      ],
      hour,
    );
    expect(slots[11]).toMatchObject({
      total: 11,
      gigabytes: 1.75,
      status: 'final',
      counts: { data_session: 3, call: 7, sms: 0, balance_recharge: 1 },
    });
    expect(totalOf(slots)).toMatchObject({ total: 11, gigabytes: 1.75 });
  });

  test('calls a window amended when one of its keys is', () => {
    const amended = { status: 'amended', lateEvents: 2 };
    const slots = slotsOf([metric('09:20:00', 'sms', 5, amended), metric('09:20:00', 'call', 1)], hour);
    expect(slots[0]).toMatchObject({ status: 'amended', late: 2 });
  });

  test('leaves out what lies outside of the hour', () => {
    const slots = slotsOf([metric('09:15:00', 'sms', 5), metric('10:20:00', 'sms', 5)], hour);
    expect(totalOf(slots).total).toBe(0);
  });
});

test.each([
  ['call', 'call'],
  ['call_incoming', 'call'],
  ['sms_outgoing', 'sms'],
  ['data_session', 'data_session'],
  ['balance_recharge', 'balance_recharge'],
  ['callous', undefined],
])('typeOf %s is %s', (key, type) => {
  expect(typeOf(key)).toBe(type);
});

describe('rankingOf', () => {
  const regions = ['a', 'b', 'c', 'd'].map((key, index) => metric('10:10:00', key, 10 - index));

  test('adds up windows and puts the most first', () => {
    const { ranked, more, total } = rankingOf([...regions, metric('10:00:00', 'd', 20)], 4);
    expect(ranked).toEqual([
      { key: 'd', count: 27 },
      { key: 'a', count: 10 },
      { key: 'b', count: 9 },
      { key: 'c', count: 8 },
    ]);
    expect(more).toBeNull();
    expect(total).toBe(54);
  });

  test('puts what does not fit into the last place', () => {
    const { ranked, more } = rankingOf(regions, 3);
    expect(ranked).toEqual([
      { key: 'a', count: 10 },
      { key: 'b', count: 9 },
    ]);
    expect(more).toEqual({ keys: 2, count: 15 });
  });
});

test.each([
  [0, 4, 4],
  [4, 4, 4],
  [11, 4, 12],
  [4001, 4, 5000],
  [100_000, 4, 100_000],
  [0.03, 0.1, 0.1],
])('axisTop holds %d, at least %d, with %d', (value, least, top) => {
  expect(axisTop(value, least)).toBeCloseTo(top);
});
