import { addDays, countsOf, DAYS, figuresOf, placesOf } from './public/assets/days.js';

const stat = (metricType: string, metricKey: string, metricValue: number, statDate = '2025-11-08') => ({
  statDate,
  metricType,
  metricKey,
  metricValue,
});

test.each([
  ['2025-11-08', 1, '2025-11-09'],
  ['2025-12-31', 1, '2026-01-01'],
  ['2024-03-01', -1, '2024-02-29'],
  ['2025-11-08', -30, '2025-10-09'],
])('addDays(%s, %d) is %s', (day, count, expected) => {
  expect(addDays(day, count)).toBe(expected);
});

test('has a place for each of the 30 days before one, also for those without daily stats', () => {
  const total = (day: string, value: number) => stat('total_events_count', 'all_regions', value, day);
  const places = placesOf(
    [total('2025-10-08', 1), total('2025-10-09', 2), total('2025-11-07', 3), total('2025-11-08', 4)],
    '2025-11-08',
  );
  expect(places).toHaveLength(DAYS);
  expect(places[0]).toEqual({ day: '2025-10-09', total: 2 });
  expect(places[1]).toEqual({ day: '2025-10-10', total: null });
  expect(places.at(-1)).toEqual({ day: '2025-11-07', total: 3 });
});

test('takes every figure of a day from its own metric, and adds up the reasons of anomalies', () => {
  const stats = [
    stat('anomalies_count', 'malformed_json', 2),
    stat('anomalies_count', 'too_late', 3),
    stat('data_volume_gb', 'all', 1393.5),
    stat('event_type_total_events', 'call', 4),
    stat('recharge_amount', 'all', 500),
    stat('region_total_events', 'Almaty', 4),
    stat('total_events_count', 'all_regions', 9),
  ];
  expect(figuresOf(stats)).toEqual({ events: 9, gigabytes: 1393.5, recharged: 500, anomalies: 5 });
});

test('takes a metric without a row for nothing', () => {
  const stats = [stat('anomalies_count', 'too_late', 3)];
  expect(figuresOf(stats)).toEqual({ events: 0, gigabytes: 0, recharged: 0, anomalies: 3 });
});

test('ranks the keys of one metric', () => {
  const stats = [
    stat('event_type_total_events', 'call', 9),
    stat('region_total_events', 'Almaty', 4),
    stat('region_total_events', 'Astana', 5),
    stat('region_total_events', 'Taraz', 1),
  ];
  expect(countsOf(stats, 'region_total_events', 2)).toEqual({
    ranked: [{ key: 'Astana', count: 5 }],
    more: { keys: 2, count: 5 },
    total: 10,
  });
});
