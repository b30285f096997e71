import type { DataSource } from 'typeorm';

/** What a statement came to, by EXPLAIN (ANALYZE, BUFFERS). */
export interface Cost {
  readonly sql: string;
  /** Rows of tables and indexes that were looked at, also those that were not wanted. */
  readonly rows: number;
  /** Pages of 8 KiB that were asked for, once for each time. */
  readonly buffers: number;
}

interface PlanNode {
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

/** A database that answers, and notes what each statement has cost. */
export class ExplainingDatabase {
  readonly costs: Cost[] = [];

  constructor(private readonly database: DataSource) {}

  async query(sql: string, parameters?: unknown[]): Promise<unknown> {
    const [explained]: { 'QUERY PLAN': [{ Plan: PlanNode }] }[] = await this.database.query(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      parameters,
    );
    const { Plan } = explained!['QUERY PLAN'][0];
    this.costs.push({
      sql,
      rows: scanned(Plan),
      buffers: Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'],
    });
    return this.database.query(sql, parameters);
  }

  get rows(): number {
    return this.costs.reduce((sum, { rows }) => sum + rows, 0);
  }

  get buffers(): number {
    return this.costs.reduce((sum, { buffers }) => sum + buffers, 0);
  }
}

const scanned = (node: PlanNode): number =>
  (node['Node Type'].endsWith('Scan') && !node['Node Type'].startsWith('Subquery')
    ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
    : 0) + (node.Plans ?? []).reduce((sum, plan) => sum + scanned(plan), 0);
