import { z } from 'zod';
import { parseDay, type Day } from '../aggregation/core/day.js';
import { formatParameter, listParameters, pageOf, textParameter, wordParameter } from '../http/list.js';

const DAY_MESSAGE = 'must be a date such as 2025-11-08';

/** A day in a query string or a body. */
export const dayParameter = (description: string) =>
  z
    .string({ error: DAY_MESSAGE })
    .transform((text, ctx): Day => {
      const day = parseDay(text);
      if (day) return day;
      ctx.addIssue({ code: 'custom', message: DAY_MESSAGE });
      return z.NEVER;
    })
    .meta({ description, format: 'date' });

/** For schemas with the days `from` and `to`: `from` has to lie before `to`. */
export const fromDayBeforeTo = z.check<{ from?: Day | undefined; to?: Day | undefined }>((ctx) => {
  const { from, to } = ctx.value;
  if (typeof from === 'string' && typeof to === 'string' && from >= to)
    ctx.issues.push({ code: 'custom', path: ['to'], message: 'must be later than from', input: to });
});

/** Either one day or a range. */
const dateOrRange = z.check<{ date?: Day | undefined; from?: Day | undefined; to?: Day | undefined }>(
  (ctx) => {
    const { date, from, to } = ctx.value;
    const issue = (field: string, message: string): void => {
      ctx.issues.push({ code: 'custom', path: [field], message, input: ctx.value });
    };
    if (date !== undefined && (from !== undefined || to !== undefined))
      issue('date', 'does not go together with from and to');
    else if (date === undefined && from === undefined && to === undefined)
      issue('date', 'is needed, or from and to');
    else if (date === undefined && from === undefined) issue('from', 'is needed with to');
    else if (date === undefined && to === undefined) issue('to', 'is needed with from');
  },
);

export const dailyStatsQuery = z
  .strictObject({
    date: dayParameter('This day, in UTC.').optional(),
    from: dayParameter('Days from this one on; together with `to`.').optional(),
    to: dayParameter('Days before this one.').optional(),
    type: textParameter(50, 'Exactly this metric type, such as `region_total_events`.').optional(),
    key: textParameter(255, 'Exactly this key, such as `Almaty` or `all_regions`.').optional(),
    order: wordParameter(['asc', 'desc'], 'By day, type and key; ascending by default.')
      .default('asc')
      .meta({ default: 'asc' }),
    ...listParameters,
    ...formatParameter,
  })
  .check(fromDayBeforeTo, dateOrRange);
export type DailyStatsQuery = z.output<typeof dailyStatsQuery>;

export const dailyStat = z
  .object({
    statDate: z.string().describe('The day, in UTC.'),
    metricType: z
      .string()
      .describe(
        '`total_events_count`, `region_total_events`, `event_type_total_events`, `data_volume_gb`, `recharge_amount` or `anomalies_count`.',
      ),
    metricKey: z
      .string()
      .describe(
        '`all_regions`, a region, an event type with its subtype, `all`, or the reason of anomalies.',
      ),
    metricValue: z
      .number()
      .describe('Events; gigabytes (MB / 1024) for `data_volume_gb`; money for `recharge_amount`.'),
  })
  .meta({ id: 'DailyStat' });
export type DailyStat = z.output<typeof dailyStat>;
export const dailyStatPage = pageOf(dailyStat).meta({ id: 'DailyStatPage' });

export const dailyStatExample: DailyStat = {
  statDate: '2025-11-08',
  metricType: 'region_total_events',
  metricKey: 'Almaty',
  metricValue: 2449,
};
