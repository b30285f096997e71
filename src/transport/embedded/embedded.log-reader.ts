import type { EntityManager } from 'typeorm';
import type { LogPosition } from '../log-position.js';
import { LogReader, LogTruncatedError, type LogReading, type Offsets } from '../log-reader.js';
import { listed } from '../record-batch.js';
import { EventLogRepository } from './event-log.repository.js';

const BATCH_RECORDS = 5_000;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Reads the `event_log` table again. */
export class EmbeddedLogReader extends LogReader {
  constructor(
    private readonly topic: string,
    private readonly log: EventLogRepository,
  ) {
    super();
  }

  async offsetsAt(instant: number): Promise<Offsets> {
    return new Map([[EventLogRepository.PARTITION, await this.log.offsetAt(instant)]]);
  }

  gaps(): Promise<null> {
    return Promise.resolve(null);
  }

  open(starts: ReadonlyMap<number, LogPosition>, connection: EntityManager): Promise<LogReading> {
    const { log, topic } = this;
    const partition = EventLogRepository.PARTITION;
    let position = starts.get(partition)?.offset ?? 0n;
    return Promise.resolve({
      async readTo(ends, take, signal) {
        const end = ends.get(partition) ?? 0n;
        while (position < end) {
          signal.throwIfAborted();
          const records = await log.read(position, BATCH_RECORDS, BATCH_BYTES, connection);
          // Offsets have no gaps here: when the first one is missing, it was trimmed.
          if (records[0]?.offset !== Number(position)) throw new LogTruncatedError(partition, position);
          const wanted = records.filter(({ offset }) => offset < end);
          const nextOffset = position + BigInt(wanted.length);
          await take({ topic, partition, fetchedOffset: position, nextOffset, records: listed(wanted) });
          position = nextOffset;
        }
      },
      close: () => Promise.resolve(),
    });
  }
}
