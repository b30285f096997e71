import { z } from 'zod';
import type { Conditions } from '../http/core/conditions.js';
import { isInstant, type Instant } from '../http/core/instant.js';
import { anomalyId, anomalyStatuses, type AnomaliesQuery } from './anomalies.schemas.js';
import { anomalyReasons } from './core/reason.js';

/** A place in the list: when an anomaly was set aside, to the microsecond, and its id. */
export const anomalyPosition = z.tuple([z.custom<Instant>(isInstant), anomalyId]);
export type AnomalyPosition = z.output<typeof anomalyPosition>;

/** `created_at` in the form of a position. */
export const POSITION_TIME = `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export type ListFilter = Pick<AnomaliesQuery, 'reason' | 'status' | 'from' | 'to'> & {
  /** Only what comes behind this place. */
  readonly before: AnomalyPosition | null;
};

/** A query for anomalies, and the order in which they come, for the ORDER BY of what is put around it. */
export interface AnomalySource {
  readonly query: string;
  readonly order: string;
}

/**
 * The newest anomalies that meet a filter, in order.
 *
 * By time alone it reads one range of `anomalies_by_time`. With a reason or a status it reads those of all pairs of the two
 * in `anomalies_by_reason_status`, which has the rows of each pair in order: PostgreSQL merges the pairs as it reads
 * them, which it would not do for `status = 'discarded'` alone. Each pair has a LIMIT of its own: the planner then stays with
 * the index also where it thinks that reading and sorting all of a large pair were cheaper.
 */
export function newestFirst(
  sql: Conditions,
  filter: ListFilter,
  columns: string,
  limit: number,
): AnomalySource {
  const { reason, status } = filter;
  const count = sql.parameter(limit);
  if (!reason && !status) {
    const order = 'created_at DESC, id DESC';
    const where = whereOf(rangeConditions(sql, filter));
    return { query: `SELECT ${columns} FROM anomalies ${where} ORDER BY ${order} LIMIT ${count}`, order };
  }
  const order = 'utc DESC, id DESC';
  const range = indexedRange(sql, filter);
  const statuses = (status ? [status] : anomalyStatuses).map((word) => `status = ${sql.parameter(word)}`);
  const selects = (reason ? [reason] : anomalyReasons)
    .map((word) => `reason = ${sql.parameter(word)}`)
    .flatMap((isReason) => statuses.map((isStatus) => whereOf([isReason, isStatus, ...range])))
    .map(
      (where) => `SELECT ${columns}, ${UTC} AS utc FROM anomalies ${where} ORDER BY ${order} LIMIT ${count}`,
    );
  const [first, ...others] = selects;
  return first !== undefined && others.length === 0
    ? { query: first, order }
    : { query: `(${selects.join(')\nUNION ALL (')}) ORDER BY ${order} LIMIT ${count}`, order };
}

/** The time as `anomalies_by_reason_status` has it. */
const UTC = `(created_at AT TIME ZONE 'UTC')`;

/** Conditions on the time that this index serves. */
export function indexedRange(sql: Conditions, { from, to, before }: ListFilter): string[] {
  const time = (instant: Instant): string => `(${sql.parameter(instant)}::timestamptz AT TIME ZONE 'UTC')`;
  return [
    ...(from ? [`${UTC} >= ${time(from)}`] : []),
    ...(to ? [`${UTC} < ${time(to)}`] : []),
    ...(before ? [`(${UTC}, id) < (${time(before[0])}, ${sql.parameter(before[1])})`] : []),
  ];
}

/** All conditions of a filter, for rows that come from elsewhere. */
export function filterConditions(sql: Conditions, { reason, status, ...rest }: ListFilter): string[] {
  return [
    ...(reason ? [`reason = ${sql.parameter(reason)}`] : []),
    ...(status ? [`status = ${sql.parameter(status)}`] : []),
    ...rangeConditions(sql, rest),
  ];
}

type Range = Pick<ListFilter, 'from' | 'to'> & Partial<Pick<ListFilter, 'before'>>;

/** Anomalies of these ids, each by its key: the planner would rather read a table of middling size as a whole. */
export const byIds = (sql: Conditions, ids: readonly string[]): AnomalySource => ({
  query: `
  SELECT wanted_row.* FROM unnest(${sql.parameter(ids)}::bigint[]) AS wanted(id)
   CROSS JOIN LATERAL (SELECT * FROM anomalies WHERE anomalies.id = wanted.id LIMIT 1) AS wanted_row`,
  order: 'created_at DESC, id DESC',
});

/** @param id the column that is compared with the id of the place */
export function rangeConditions(sql: Conditions, { from, to, before }: Range, id = 'id'): string[] {
  return [
    ...(from ? [`created_at >= ${sql.parameter(from)}`] : []),
    ...(to ? [`created_at < ${sql.parameter(to)}`] : []),
    ...(before ? [`(created_at, ${id}) < (${sql.parameter(before[0])}, ${sql.parameter(before[1])})`] : []),
  ];
}

export const whereOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
