import {
  createAPI,
  protocolErrorsCodesById,
  Writer,
  type Connection,
  type Reader,
} from '@platformatic/kafka';
import type { AbortedTransaction } from '../core/stored-batches.js';

/** From where one partition is to be read, and of which log. */
export interface FetchFrom {
  readonly partition: number;
  readonly offset: bigint;
  /** The topic's id: a topic that is created anew has another one. */
  readonly logId: string;
}

export interface FetchRequest {
  /** Each partition of one log only. */
  readonly partitions: readonly FetchFrom[];
  /** How long the broker may wait for the first record. */
  readonly maxWaitMs: number;
  /** Of all partitions together, and of one; a single batch may be larger. */
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
}

/** A partition's part of the answer. */
export interface FetchedPartition {
  readonly partition: number;
  /** Kafka's error code; 0 for none. */
  readonly errorCode: number;
  /** First offset of the log, and the one behind the last that readers may see; −1 with an error. */
  readonly low: bigint;
  readonly high: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, as they are stored. */
  readonly bytes: Buffer;
}

export const OFFSET_OUT_OF_RANGE = 1;

/**
 * The broker knows no topic of this id, or has another one's log: the topic was deleted, or the broker has not heard of it yet,
 * which passes as those below do.
 */
export const OTHER_LOG: readonly number[] = [100, 103];

/** The partition does not exist, has no leader or another one, or its leader is not up to date: all of which pass. */
const PASSING = [3, 5, 6, 9, 74, 75, 76, 77, 78, ...OTHER_LOG];

/** A broker does not give the records of one partition. */
export class FetchRefusedError extends Error {
  /** Whether it goes away by itself. */
  readonly passes: boolean;

  constructor(partition: number, errorCode: number) {
    const names: Readonly<Record<number, string | undefined>> = protocolErrorsCodesById;
    super(`the broker refuses to give partition ${partition}: ${names[errorCode] ?? 'error'} (${errorCode})`);
    this.name = 'FetchRefusedError';
    this.passes = PASSING.includes(errorCode);
  }
}

const FETCH = 1;
/** The first one that names topics by id; understood from Kafka 3.1 on. */
const VERSION = 13;
const NO_REPLICA = -1;
const READ_COMMITTED = 1;
/** Each request stands for itself: session 0, epoch −1. */
const [NO_SESSION, NO_SESSION_EPOCH] = [0, -1];
const UNKNOWN_EPOCH = -1;
const UUID_BYTES = 16;

const api = createAPI<[FetchRequest], FetchedPartition[]>(
  FETCH,
  VERSION,
  writeRequest,
  (_correlation, _key, _version, reader) => readResponse(reader),
);

/**
 * Fetches records without decoding them, which the clients' own decoding of all parts of each record into objects makes ten
 * times as expensive.
 * @throws when the broker does not answer, or answers with an error for all partitions
 */
export const fetchRecords = (connection: Connection, request: FetchRequest): Promise<FetchedPartition[]> =>
  api.async(connection, request);

// https://kafka.apache.org/protocol#The_Messages_Fetch
function writeRequest(request: FetchRequest): Writer {
  return Writer.create()
    .appendInt32(NO_REPLICA)
    .appendInt32(request.maxWaitMs)
    .appendInt32(1) // bytes that are worth an answer
    .appendInt32(request.maxBytes)
    .appendInt8(READ_COMMITTED)
    .appendInt32(NO_SESSION)
    .appendInt32(NO_SESSION_EPOCH)
    .appendArray([...byLog(request.partitions)], (topics, [logId, ofLog]) =>
      topics.appendUUID(logId).appendArray(ofLog, (partitions, { partition, offset }) =>
        partitions
          .appendInt32(partition)
          .appendInt32(UNKNOWN_EPOCH)
          .appendInt64(offset)
          .appendInt32(UNKNOWN_EPOCH) // of a follower's last record
          .appendInt64(-1n) // start of a follower's log
          .appendInt32(request.maxPartitionBytes),
      ),
    )
    .appendArray([], () => undefined) // forgotten topics
    .appendString('') // rack
    .appendTaggedFields();
}

function byLog(partitions: readonly FetchFrom[]): Map<string, FetchFrom[]> {
  const logs = new Map<string, FetchFrom[]>();
  for (const from of partitions) {
    const ofLog = logs.get(from.logId);
    if (ofLog) ofLog.push(from);
    else logs.set(from.logId, [from]);
  }
  return logs;
}

function readResponse(reader: Reader): FetchedPartition[] {
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new Error(`the broker refuses to be read from: error ${errorCode}`);
  reader.readInt32(); // session
  return readArray(reader, () => {
    reader.skip(UUID_BYTES); // no partition was asked of two logs
    return readArray(reader, readPartition);
  }).flat();
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // high watermark; open transactions may lie before it
  const high = reader.readInt64();
  const low = reader.readInt64();
  const aborted = readArray(reader, () => ({
    producerId: reader.readInt64(),
    firstOffset: Number(reader.readInt64()),
  }));
  reader.readInt32(); // preferred replica
  return { partition, errorCode, low, high, aborted, bytes: reader.readBytes() };
}

function readArray<T>(reader: Reader, element: (reader: Reader) => T): T[] {
  return reader.readArray(
    () => {
      const read = element(reader);
      skipTaggedFields(reader);
      return read;
    },
    true,
    false,
  );
}

/** The library takes their number for their length, which is right only when there are none. */
function skipTaggedFields(reader: Reader): void {
  for (let left = reader.readUnsignedVarInt(); left > 0; left--) {
    reader.readUnsignedVarInt(); // which one it is
    reader.skip(reader.readUnsignedVarInt());
  }
}
