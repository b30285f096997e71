import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Conditions } from '../http/core/conditions.js';
import {
  byIds,
  filterConditions,
  newestFirst,
  POSITION_TIME,
  rangeConditions,
  whereOf,
  type ListFilter,
  type AnomalyPosition,
} from './anomaly-source.js';
import { escapeForm, tellingTrigrams, trigramsOf } from './core/trigrams.js';
import { SEARCHED_BYTES, searchCondition } from './search-condition.js';

/** What one page looks through at most, so that it takes tens of milliseconds whatever is asked for. */
export interface SearchBounds {
  /** Anomalies that are read in order; more of them where there is no index to ask. */
  readonly read: number;
  readonly readWithoutIndex: number;
  /** The same in bytes of records, so far as they are searched, with a little for each row. */
  readonly readBytes: number;
  /** Rows of `anomaly_texts`, of up to 16 anomalies each, that the index finds; with more, its answer is of no use. */
  readonly hits: number;
  /** Those of them whose anomalies are read. */
  readonly candidates: number;
}

const BOUNDS: SearchBounds = {
  read: 4_000,
  readWithoutIndex: 7_000,
  readBytes: 8 * 1024 * 1024,
  hits: 10_000,
  candidates: 120,
};
const ROW_BYTES = 400;

/** When more of what was read has the text than this, the next page goes on reading. */
const FREQUENT = 0.005;

/** Rows of `anomaly_texts` that tell how frequent trigrams are. */
const SAMPLE = 8;

interface Candidate {
  readonly at: AnomalyPosition[0];
  readonly last_id: string;
  readonly ids: readonly string[];
}

/** What was found, newest first, and where to go on searching. */
export interface Found {
  readonly positions: readonly AnomalyPosition[];
  /** Everything before this place was looked at; null when nothing is left. */
  readonly end: AnomalyPosition | null;
}

/**
 * Searches for a text, newest first.
 *
 * Text that is frequent is found by reading anomalies in order, which the trigram index would be bad at; text that is rare
 * by asking the index, which reading would take for ever to find. Nobody knows beforehand which it is: so the newest are
 * read first, and the index is asked for what is then still missing. What neither finds within bounds is left to the next
 * page.
 */
@Injectable()
export class AnomalySearch {
  /** Tests have narrower ones. */
  bounds = BOUNDS;
  private indexed: boolean | null = null;

  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** @param wanted how many; fewer may come although there are more */
  async find(filter: ListFilter, text: string, wanted: number): Promise<Found> {
    const trigrams = (await this.hasIndex()) ? trigramsOf(escapeForm(Buffer.from(text))) : new Set<string>();
    const most = trigrams.size > 0 ? this.bounds.read : this.bounds.readWithoutIndex;
    const read = await this.read(filter, text, wanted, most);
    const missing = wanted - read.positions.length;
    const isFrequent = read.positions.length > most * FREQUENT;
    if (missing === 0 || read.end === null || isFrequent || trigrams.size === 0) return read;
    if (await this.isBehind({ ...filter, before: read.end })) return read;
    const rest = await this.lookUp({ ...filter, before: read.end }, text, trigrams, missing);
    if (rest === null) return read;
    return { positions: [...read.positions, ...rest.positions], end: rest.end };
  }

  /** Reads anomalies in order. */
  private async read(filter: ListFilter, text: string, wanted: number, most: number): Promise<Found> {
    const sql = new Conditions();
    const { readBytes } = this.bounds;
    const { query, order } = newestFirst(sql, filter, 'id, created_at, detail, raw, event_data', most + 1);
    const rows: { id: string; at: AnomalyPosition[0]; matched: boolean; last: boolean; more: boolean }[] =
      await this.database.query(
        `SELECT id, ${POSITION_TIME} AS at, matched, last, more FROM (
           SELECT *, ${searchCondition(sql, text)} AS matched, next_size IS NOT NULL AS more,
                  next_size IS NULL OR number = ${sql.parameter(most)} OR read + next_size > ${readBytes} AS last
             FROM (SELECT *, row_number() OVER in_order AS number, sum(size) OVER in_order AS read, lead(size) OVER in_order AS next_size
                     FROM (SELECT *, ${ROW_BYTES} + least(coalesce(octet_length(raw), 0), ${SEARCHED_BYTES}) AS size
                             FROM (${query}) AS source) AS sized
                   WINDOW in_order AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)) AS numbered
            WHERE number <= ${sql.parameter(most)} AND (number = 1 OR read <= ${readBytes})
         ) AS looked_at WHERE matched OR last
         ORDER BY ${order} LIMIT ${sql.parameter(wanted)}`,
        sql.values,
      );
    const last = rows.at(-1);
    return {
      positions: rows.filter(({ matched }) => matched).map(({ at, id }) => [at, id]),
      end: last && (!last.last || last.more) ? [last.at, last.id] : null,
    };
  }

  /** Asks the index. @returns null when it is no help */
  private async lookUp(
    filter: ListFilter,
    text: string,
    trigrams: ReadonlySet<string>,
    wanted: number,
  ): Promise<Found | null> {
    const telling = tellingTrigrams(trigrams, await this.sample(filter));
    const candidates = telling && (await this.candidates(filter, telling));
    if (candidates === null) return null;
    const next = candidates[this.bounds.candidates];
    // All anomalies of the candidates that are left out come at this place, or behind it.
    const end: AnomalyPosition | null = next ? [next.at, next.last_id] : null;
    const sql = new Conditions();
    // One that was changed is in two candidates.
    const ids = new Set(candidates.slice(0, this.bounds.candidates).flatMap((candidate) => candidate.ids));
    const source = byIds(sql, [...ids]).query;
    const where = [
      ...filterConditions(sql, filter),
      ...(end ? [`(created_at, id) > (${sql.parameter(end[0])}, ${sql.parameter(end[1])})`] : []),
      searchCondition(sql, text),
    ];
    const rows: { id: string; at: AnomalyPosition[0] }[] = await this.database.query(
      `SELECT id, ${POSITION_TIME} AS at FROM (${source}) AS source ${whereOf(where)}
        ORDER BY created_at DESC, id DESC LIMIT ${sql.parameter(wanted)}`,
      sql.values,
    );
    const positions = rows.map(({ at, id }): AnomalyPosition => [at, id]);
    const full = positions.length === wanted ? positions.at(-1) : undefined;
    return { positions, end: full ?? (end && justBefore(end)) };
  }

  /** Whether the index does not know all of these anomalies yet; then pages go on reading until it does. */
  private async isBehind({ from, to, before }: ListFilter): Promise<boolean> {
    const sql = new Conditions();
    const where = [
      ...(from ? [`last_at >= ${sql.parameter(from)}`] : []),
      ...(to ? [`first_at < ${sql.parameter(to)}`] : []),
      ...(before ? [`first_at <= ${sql.parameter(before[0])}`] : []),
    ];
    const [row]: { behind: boolean }[] = await this.database.query(
      `SELECT EXISTS (SELECT FROM anomaly_texts_pending ${whereOf(where)}) AS behind`,
      sql.values,
    );
    return row?.behind ?? false;
  }

  /** A few of the texts there are, from both ends: what is rare by now may have been frequent. */
  private async sample({ from, to, before }: ListFilter): Promise<string[]> {
    const sql = new Conditions();
    const where = whereOf(rangeConditions(sql, { from, to, before }, 'first_id'));
    const some = (order: 'ASC' | 'DESC'): string =>
      `(SELECT left(text, 4000) AS text FROM anomaly_texts ${where}
         ORDER BY created_at ${order}, first_id ${order} LIMIT ${SAMPLE / 2})`;
    const rows: { text: string }[] = await this.database.query(
      `${some('DESC')} UNION ALL ${some('ASC')}`,
      sql.values,
    );
    return rows.map((row) => row.text);
  }

  /** The newest rows that have all trigrams, and one more. @returns null when there are too many of them */
  private async candidates(
    { from, to, before }: ListFilter,
    trigrams: readonly string[],
  ): Promise<Candidate[] | null> {
    const sql = new Conditions();
    const where = [
      `anomaly_trigrams(text) @> ${sql.parameter(trigrams)}::text[]`,
      ...rangeConditions(sql, { from, to, before }, 'first_id'),
    ];
    // In no order at first: the index would have to give all of its hits before the first of them.
    const rows: (Candidate & { hits: string })[] = await this.database.query(
      `WITH hits AS MATERIALIZED (
         SELECT created_at, last_id, ids FROM anomaly_texts ${whereOf(where)} LIMIT ${this.bounds.hits + 1}
       )
       SELECT ${POSITION_TIME} AS at, last_id, ids, (SELECT count(*) FROM hits) AS hits FROM hits
        ORDER BY created_at DESC, last_id DESC LIMIT ${this.bounds.candidates + 1}`,
      sql.values,
    );
    return Number(rows[0]?.hits ?? 0) > this.bounds.hits ? null : rows;
  }

  /** Without pg_trgm there is no index, see the migration. */
  private async hasIndex(): Promise<boolean> {
    if (this.indexed === null) {
      const [row]: { indexed: boolean }[] = await this.database.query(
        `SELECT to_regclass('anomaly_texts') IS NOT NULL AS indexed`,
      );
      this.indexed = row?.indexed ?? false;
    }
    return this.indexed;
  }
}

const justBefore = ([at, id]: AnomalyPosition): AnomalyPosition => [at, String(BigInt(id) + 1n)];
