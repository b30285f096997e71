import {
  createAPI,
  protocolErrorsCodesById,
  Writer,
  type Connection,
  type Reader,
} from '@platformatic/kafka';
import type { AbortedTransaction } from '../core/stored-batches.js';

/** From where one partition is to be read. */
export interface FetchFrom {
  readonly partition: number;
  readonly offset: bigint;
}

export interface FetchRequest {
  readonly topic: string;
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
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, as they are stored. */
  readonly bytes: Buffer;
}

/** The partition does not exist, has no leader or another one, or its leader is not up to date: all of which pass. */
const PASSING = [3, 5, 6, 9, 74, 75, 76, 77, 78];

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
/** Understood from Kafka 2.3 to 4; the versions after it name topics by id, or have fields that the library cannot skip. */
const VERSION = 11;
const NO_REPLICA = -1;
const READ_COMMITTED = 1;
/** Each request stands for itself: session 0, epoch −1. */
const [NO_SESSION, NO_SESSION_EPOCH] = [0, -1];
const UNKNOWN_EPOCH = -1;

const api = createAPI<[FetchRequest], FetchedPartition[]>(
  FETCH,
  VERSION,
  writeRequest,
  (_correlation, _key, _version, reader) => readResponse(reader),
  false,
  false,
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
    .appendArray(
      [request],
      (topics, { topic }) =>
        topics.appendString(topic, false).appendArray(
          [...request.partitions],
          (partitions, { partition, offset }) =>
            partitions
              .appendInt32(partition)
              .appendInt32(UNKNOWN_EPOCH)
              .appendInt64(offset)
              .appendInt64(-1n) // start of a follower's log
              .appendInt32(request.maxPartitionBytes),
          false,
          false,
        ),
      false,
      false,
    )
    .appendInt32(0) // forgotten topics
    .appendString('', false); // rack
}

function readResponse(reader: Reader): FetchedPartition[] {
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new Error(`the broker refuses to be read from: error ${errorCode}`);
  reader.readInt32(); // session
  return reader
    .readArray(
      (topics) => {
        topics.readString(false);
        return topics.readArray((partitions) => readPartition(partitions), false, false);
      },
      false,
      false,
    )
    .flat();
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // high watermark
  reader.readInt64(); // last stable offset
  reader.readInt64(); // start of the log
  const aborted = reader.readArray(
    (transactions) => ({
      producerId: transactions.readInt64(),
      firstOffset: Number(transactions.readInt64()),
    }),
    false,
    false,
  );
  reader.readInt32(); // preferred replica
  return { partition, errorCode, aborted, bytes: reader.readBytes(false) };
}
