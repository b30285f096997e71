import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordBatch } from '../record-batch.js';
import { rest } from '../rest.js';
import {
  FetchRefusedError,
  fetchRecords,
  OFFSET_OUT_OF_RANGE,
  OTHER_LOG,
  type FetchedPartition,
} from './fetch-api.js';
import { fetchedRun, recordBatches, type FetchedRun } from './fetched-batches.js';
import type { Broker, KafkaCluster } from './kafka-cluster.js';
import { Place } from './place.js';

/** Of one partition in one fetch; several partitions together are read with one. */
const MAX_PARTITION_BYTES = 1024 * 1024;

/** After something went wrong, and between looks for partitions that nobody leads. */
const RETRY_MS = 500;

/** What a fetcher tells of. */
export interface FetchListener {
  /**
   * Takes a batch in; one at a time, and those of a partition in the order of its log.
   * @param isCurrent false once the partition was sought, paused or assigned elsewhere meanwhile
   */
  take(batch: RecordBatch, isCurrent: () => boolean): Promise<void>;
  /** The log does not have the offset that is to be read, and nothing of the partition is read now. */
  outOfRange(partition: number, offset: bigint): void;
  /** The topic is not there, or it is another one by this name; nothing of the partition is read now. */
  otherLog(partition: number, logId: string): void;
  /** The brokers have answered. */
  answered(): void;
  /** They have not, or not with records; it is tried again. */
  failed(error: Error): void;
}

interface Asked {
  readonly place: Place;
  readonly version: number;
  readonly offset: bigint;
}

type Answer = readonly { readonly asked: Asked; readonly fetched: FetchedPartition }[];

/**
 * Reads partitions of a topic from the brokers that lead them. While one answer is being taken in, the next one is already on
 * its way: memory holds two answers of `maxBytes` for each broker, at most.
 */
export class RecordFetcher {
  private places = new Map<number, Place>();
  private leaders: ReadonlyMap<number, Broker> = new Map();
  /** A loop for each broker that leads any of the partitions. */
  private readonly loops = new Map<string, Promise<void>>();
  private leadersAreOld = true;
  private turn: Promise<void> = Promise.resolve();
  private readonly changes = new EventEmitter();

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly options: {
      readonly topic: string;
      readonly maxBytes: number;
      readonly maxWaitMs: number;
    },
    private readonly listener: FetchListener,
  ) {
    this.changes.setMaxListeners(0);
  }

  /** Reads these partitions, and no others, each once it is sought. */
  assign(partitions: readonly number[]): void {
    for (const place of this.places.values()) place.restart(null);
    this.places = new Map(partitions.map((partition) => [partition, new Place(partition)]));
  }

  /** Reads from this offset on, of this log only. */
  seek(partition: number, offset: bigint, logId: string): void {
    this.change(partition, (place) => {
      place.seek(offset, logId);
    });
  }

  /** Goes to this offset of the same log. */
  move(partition: number, offset: bigint): void {
    this.change(partition, (place) => {
      place.restart(offset);
    });
  }

  /** Nothing from this offset on is handed over. */
  stopAt(partition: number, until: bigint): void {
    this.change(partition, (place) => {
      place.until = until;
      place.restart(place.position);
    });
  }

  pause(partition: number): void {
    this.change(partition, (place) => {
      place.paused = true;
      place.restart(place.position);
    });
  }

  resume(partition: number): void {
    this.change(partition, (place) => {
      place.paused = false;
    });
  }

  /** Hands the same records over once more, a little later. */
  repeat(partition: number): void {
    this.change(partition, (place) => {
      place.restart(place.position);
      place.restUntil(Date.now() + RETRY_MS);
    });
  }

  /** Reads until the signal, and ends when the batch is taken in that is being handed over; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.changes.emit('change'), { once: true });
    while (!signal.aborted) {
      if (this.leadersAreOld || this.hasOrphans()) await this.findLeaders();
      this.startLoops(signal);
      await this.rest(signal);
    }
    await Promise.all(this.loops.values());
  }

  private change(partition: number, how: (place: Place) => void): void {
    const place = this.places.get(partition);
    if (place) how(place);
    this.changes.emit('change');
  }

  private hasOrphans(): boolean {
    const now = Date.now();
    return [...this.places.values()].some((place) => place.isDue(now) && !this.leaders.has(place.partition));
  }

  private async findLeaders(): Promise<void> {
    try {
      this.leaders = (await this.cluster.leaders()).leaders;
      this.leadersAreOld = false;
      this.listener.answered();
    } catch (error) {
      this.listener.failed(error as Error);
    }
  }

  private startLoops(signal: AbortSignal): void {
    for (const broker of this.leaders.values()) {
      const name = nameOf(broker);
      if (this.loops.has(name)) continue;
      const loop = this.readFrom(broker, signal).finally(() => this.loops.delete(name));
      this.loops.set(name, loop);
    }
  }

  private async readFrom(broker: Broker, signal: AbortSignal): Promise<void> {
    let ahead: Promise<Answer> | null = null;
    while (!signal.aborted && this.leadsAny(broker)) {
      try {
        const answer = await (ahead ?? this.fetch(broker, signal));
        const accepted = this.accept(answer);
        ahead = this.fetch(broker, signal);
        ahead.catch(() => undefined); // it is met when its turn comes
        // All of them get in line at once: what another broker has of a partition that moved there must not overtake.
        await Promise.all(
          accepted.map(({ asked, run }) => this.inTurn(() => this.handOver(asked, run, signal))),
        );
      } catch (error) {
        ahead = null;
        this.cluster.drop(broker);
        this.leadersAreOld = true;
        this.listener.failed(error as Error);
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Waits while there is nothing to ask for. */
  private async fetch(broker: Broker, signal: AbortSignal): Promise<Answer> {
    const now = Date.now();
    const due = [...this.places.values()].filter((place) => place.isDue(now) && this.leads(broker, place));
    if (due.length === 0) {
      await this.rest(signal);
      return [];
    }
    const asked = new Map(
      due.map((place) => [
        place.partition,
        { place, version: place.version, offset: place.fetchNext, logId: place.logId },
      ]),
    );
    const fetched = await fetchRecords(await this.cluster.connection(broker), {
      ...this.options,
      partitions: [...asked].map(([partition, { offset, logId }]) => ({ partition, offset, logId })),
      maxPartitionBytes: MAX_PARTITION_BYTES,
    });
    this.listener.answered();
    return fetched.flatMap((part) => {
      const of = asked.get(part.partition);
      return of ? [{ asked: of, fetched: part }] : [];
    });
  }

  /** What is still wanted of an answer. */
  private accept(answer: Answer): { asked: Asked; run: FetchedRun }[] {
    return answer.flatMap(({ asked, fetched }) => {
      const { place } = asked;
      // The second: its leader has changed, and the new one's answer was here before that of the old one.
      if (place.version !== asked.version || place.fetchNext !== asked.offset) return [];
      try {
        const run = this.runOf(asked, fetched);
        if (run.next === asked.offset) return [];
        place.fetchNext = run.next;
        this.askLast(place);
        return [{ asked, run }];
      } catch (error) {
        place.restUntil(Date.now() + RETRY_MS);
        this.listener.failed(error as Error);
        return [];
      }
    });
  }

  private runOf({ place, offset }: Asked, fetched: FetchedPartition): FetchedRun {
    if (fetched.errorCode === 0) return fetchedRun(fetched, offset);
    if (fetched.errorCode === OFFSET_OUT_OF_RANGE) this.listener.outOfRange(place.partition, offset);
    else this.leadersAreOld = true;
    if (OTHER_LOG.includes(fetched.errorCode)) this.listener.otherLog(place.partition, place.logId);
    throw new FetchRefusedError(place.partition, fetched.errorCode);
  }

  /** An answer is filled in the order of the request: when it is full, the others come first the next time. */
  private askLast(place: Place): void {
    this.places.delete(place.partition);
    this.places.set(place.partition, place);
  }

  private async handOver({ place, version }: Asked, run: FetchedRun, signal: AbortSignal): Promise<void> {
    const isCurrent = (): boolean => place.version === version;
    try {
      for await (const batch of recordBatches(run, this.options.topic, place.until)) {
        if (!isCurrent() || signal.aborted) return;
        await this.listener.take(batch, isCurrent);
        if (isCurrent()) place.position = batch.nextOffset;
      }
    } catch (error) {
      place.restart(place.position);
      place.restUntil(Date.now() + RETRY_MS);
      this.listener.failed(error as Error);
    }
  }

  /** The loops of several brokers do not take in together. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work);
    return this.turn;
  }

  private leads(broker: Broker, { partition }: Place): boolean {
    const leader = this.leaders.get(partition);
    return leader !== undefined && nameOf(leader) === nameOf(broker);
  }

  private leadsAny(broker: Broker): boolean {
    return [...this.leaders.values()].some((leader) => nameOf(leader) === nameOf(broker));
  }

  /** Until there is a change, which the end of the run is too. */
  private async rest(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await rest(RETRY_MS, this.changes, 'change');
  }
}

const nameOf = ({ host, port }: Broker): string => `${host}:${port}`;
