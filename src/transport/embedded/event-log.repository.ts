import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { LogBounds } from '../event-source.js';
import { logRecord, type LogRecord } from '../record-batch.js';

/** Longest time for which an append waits for others, in milliseconds: a statement is given up before that. */
const MAX_WAIT_MS = 60_000;

interface RecordRow {
  offset: string;
  timestamp: string;
  value: Buffer | null;
}

/** The embedded log: one partition of `event_log`, appended to in offset order and read by one process. */
@Injectable()
export class EventLogRepository {
  static readonly PARTITION = 0;
  /** There is but this one: it goes, and is restored, with the database that has its checkpoints. */
  static readonly LOG_ID = 'event_log';
  /** Emits `append` in the process that appended. */
  readonly events = new EventEmitter();

  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Appends payloads in order, durably. */
  async append(payloads: readonly (Buffer | null)[]): Promise<void> {
    const starts: number[] = [];
    let next = 1;
    for (const payload of payloads) {
      starts.push(next);
      next += payload?.length ?? 0;
    }
    // The head's row lock puts appends one after the other until they commit, so a reader never sees a gap. All bytes are one
    // parameter, which is sent as it is: of an array of them pg would make a text in hex, and PostgreSQL bytes of that.
    await this.database.query(
      `WITH head AS (
         UPDATE event_log_partitions SET next_offset = next_offset + $2 WHERE partition = $1
         RETURNING next_offset - $2 AS first)
       INSERT INTO event_log (partition, "offset", payload)
       SELECT $1, head.first + appended.place - 1, substring($3::bytea FROM appended.start FOR appended.length)
         FROM head, unnest($4::integer[], $5::integer[]) WITH ORDINALITY AS appended(start, length, place)`,
      [
        EventLogRepository.PARTITION,
        payloads.length,
        Buffer.concat(payloads.filter((payload) => payload !== null)),
        starts,
        payloads.map((payload) => payload?.length ?? null),
      ],
    );
    this.events.emit('append');
  }

  /** Records from an offset on, in order: at most `limit`, and of about `maxBytes` in all, but at least one. */
  async read(
    from: bigint,
    limit: number,
    maxBytes: number,
    connection: Pick<EntityManager, 'query'> = this.database,
  ): Promise<LogRecord[]> {
    const rows: RecordRow[] = await connection.query(
      `SELECT "offset", floor(extract(epoch FROM appended_at) * 1000)::bigint AS timestamp, payload AS value
         FROM (SELECT *, coalesce(sum(octet_length(payload)) OVER (ORDER BY "offset" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                 FROM (SELECT * FROM event_log WHERE partition = $1 AND "offset" >= $2 ORDER BY "offset" LIMIT $3) AS next) AS summed
        WHERE before < $4 ORDER BY "offset"`,
      [EventLogRepository.PARTITION, String(from), limit, maxBytes],
    );
    const records = rows.map((row) => logRecord(Number(row.offset), Number(row.timestamp), row.value));
    mustBeContiguous(records);
    return records;
  }

  /**
   * The first offset whose record was appended at this instant or later, or one before it; the end of the log when there is
   * none. Found by halving: appends come one after the other, so their times are in order, but for the moments for which
   * they have waited for each other.
   * @param instant epoch milliseconds
   */
  async offsetAt(instant: number): Promise<bigint> {
    let { low, high } = await this.bounds();
    while (low < high) {
      const middle = (low + high) / 2n;
      const [row]: { earlier: boolean }[] = await this.database.query(
        `SELECT appended_at < to_timestamp($3::double precision / 1000) AS earlier FROM event_log
          WHERE partition = $1 AND "offset" >= $2 ORDER BY "offset" LIMIT 1`,
        [EventLogRepository.PARTITION, String(middle), instant - MAX_WAIT_MS],
      );
      if (row?.earlier) low = middle + 1n;
      else high = middle;
    }
    return low;
  }

  async bounds(): Promise<LogBounds> {
    const [head]: { low_offset: string; next_offset: string }[] = await this.database.query(
      `SELECT low_offset, next_offset FROM event_log_partitions WHERE partition = $1`,
      [EventLogRepository.PARTITION],
    );
    if (!head) throw new Error('event_log_partitions has no row for the embedded log');
    return {
      logId: EventLogRepository.LOG_ID,
      low: BigInt(head.low_offset),
      high: BigInt(head.next_offset),
    };
  }

  /**
   * Deletes records that are both checkpointed and older than the retention, at most `limit` in a call.
   * @param retentionMs milliseconds since they were appended
   * @returns how many were deleted
   */
  async trim(topic: string, retentionMs: number, limit: number): Promise<number> {
    const [row]: { deleted: number }[] = await this.database.query(
      `WITH doomed AS (
         SELECT "offset" FROM event_log
          WHERE partition = $1 AND appended_at < now() - make_interval(secs => $3)
            AND "offset" < (SELECT next_offset FROM ingest_partitions WHERE topic = $2 AND partition = $1)
          ORDER BY "offset" LIMIT $4
       ), deleted AS (
         DELETE FROM event_log USING doomed WHERE event_log.partition = $1 AND event_log."offset" = doomed."offset"
         RETURNING event_log."offset"
       ), moved AS (
         UPDATE event_log_partitions SET low_offset = greatest(low_offset, (SELECT max("offset") + 1 FROM deleted))
          WHERE partition = $1 AND EXISTS (SELECT FROM deleted)
       )
       SELECT count(*)::integer AS deleted FROM deleted`,
      [EventLogRepository.PARTITION, topic, retentionMs / 1000, limit],
    );
    return row?.deleted ?? 0;
  }
}

/** A reader goes on behind the last record: what was missing before it would be lost without a word. */
function mustBeContiguous(records: readonly LogRecord[]): void {
  const [first] = records;
  const last = records.at(-1);
  if (first && last && last.offset - first.offset !== records.length - 1)
    throw new Error(`the embedded log lacks records between offsets ${first.offset} and ${last.offset}`);
}
