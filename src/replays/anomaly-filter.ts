import { Conditions } from '../http/core/conditions.js';
import type { AnomalyReason } from '../anomalies/core/reason.js';

/** Which anomalies: those that meet all of it. Instants are about when they were set aside. */
export interface AnomalyFilter {
  readonly ids?: readonly string[] | undefined;
  readonly reason?: AnomalyReason | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export function anomalyConditions({ ids, reason, from, to }: AnomalyFilter): Conditions {
  const where = new Conditions();
  if (ids) where.add('id = ANY(?::bigint[])', ids);
  if (reason) where.add('reason = ?', reason);
  // As anomalies_by_reason_status has the time.
  if (from) where.add(`${UTC} >= (?::timestamptz AT TIME ZONE 'UTC')`, from);
  if (to) where.add(`${UTC} < (?::timestamptz AT TIME ZONE 'UTC')`, to);
  return where;
}

const UTC = `(created_at AT TIME ZONE 'UTC')`;
