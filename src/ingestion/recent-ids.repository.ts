import { endianness } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Checkpoint } from './checkpoint.repository.js';
import { ID_WORDS, type IdChunk } from './core/id-log.js';
import type { RecentIds } from './core/recent-ids.js';

/** Rows read with one query; each has ids of one flush. */
const PAGE = 20;

const ID_BYTES = ID_WORDS * Int32Array.BYTES_PER_ELEMENT;

interface Row {
  until_seq: string;
  since: string;
  ids: Buffer;
}

/** What partitions know of their last event ids, in `recent_event_ids`: 12 bytes an id, a row or more for each flush. */
@Injectable()
export class RecentIdsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Adds what these deltas have added, and drops what is forgotten by now; within the transaction of their checkpoints. */
  async add(transaction: EntityManager, checkpoints: readonly Checkpoint[]): Promise<void> {
    const added = checkpoints.flatMap(({ topic, partition, delta: { newIds } }) =>
      newIds ? newIds.chunks.map((chunk) => ({ topic, partition, firstSeq: newIds.firstSeq, ...chunk })) : [],
    );
    if (added.length === 0) return;
    // A parameter for the ids of each row, which goes to the database as it is; an array of byte strings would be sent as text.
    const ids = added.map((_, row) => `$${row + 6}::bytea`).join(', ');
    await transaction.query(
      `WITH added AS (
         SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], ARRAY[${ids}])
           AS added(topic, partition, until_seq, first_seq, since, ids)
       ), forgotten AS (
         DELETE FROM recent_event_ids AS stored USING added
          WHERE stored.topic = added.topic AND stored.partition = added.partition AND stored.until_seq <= added.first_seq
       )
       INSERT INTO recent_event_ids (topic, partition, until_seq, first_seq, since, ids) SELECT * FROM added`,
      [
        added.map(({ topic }) => topic),
        added.map(({ partition }) => partition),
        added.map(({ seq, ids }) => seq + ids.length / ID_WORDS),
        added.map(({ firstSeq }) => firstSeq),
        added.map(({ since }) => since),
        ...added.map(({ ids }) => bytesOf(ids)),
      ],
    );
  }

  /** Brings what the partition knew at its checkpoint to memory, which has to be empty. */
  async restore(topic: string, partition: number, memory: RecentIds): Promise<void> {
    const [last]: { first_seq: string }[] = await this.database.query(
      `SELECT first_seq FROM recent_event_ids WHERE topic = $1 AND partition = $2 ORDER BY until_seq DESC LIMIT 1`,
      [topic, partition],
    );
    if (!last) return;
    let after = '0';
    let rows: Row[];
    do {
      rows = await this.database.query<Row[]>(
        `SELECT until_seq, since, ids FROM recent_event_ids
          WHERE topic = $1 AND partition = $2 AND until_seq > $3 ORDER BY until_seq LIMIT ${PAGE}`,
        [topic, partition, after],
      );
      for (const row of rows) {
        memory.restore(chunkOf(row), Number(last.first_seq));
        after = row.until_seq;
        await nextTurn();
      }
    } while (rows.length === PAGE);
  }
}

function chunkOf({ until_seq, since, ids: bytes }: Row): IdChunk {
  // A copy: what the database client gives begins anywhere in its memory.
  const ids = new Int32Array(new Uint8Array(inLittleEndian(bytes)).buffer);
  const seq = Number(until_seq) - bytes.length / ID_BYTES;
  return { seq, since: Number(since), ids };
}

const bytesOf = (ids: Int32Array): Buffer =>
  inLittleEndian(Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength));

/** From and to the order of bytes of this machine, which is that of almost all. */
const inLittleEndian = (bytes: Buffer): Buffer =>
  endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
