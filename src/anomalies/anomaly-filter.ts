import { Conditions } from '../http/core/conditions.js';
import type { AnomalyReason } from './core/reason.js';

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
  if (from) where.add('created_at >= ?', from);
  if (to) where.add('created_at < ?', to);
  return where;
}
