// @ts-check

/**
 * A change of a compiled file: `anchor`, which has to be there exactly once, becomes `replacement`.
 * @typedef {object} Patch
 * @property {string} file below dist/
 * @property {string} anchor
 * @property {string} replacement
 */

/** @type {(name: string, file: string, anchor: string) => Patch} the place is just before the anchor */
const before = (name, file, anchor) => ({ file, anchor, replacement: `passes('${name}'); ${anchor}` });

const OWNERSHIP = 'ingestion/partition-ownership.js';
const FLUSH = 'ingestion/flush.js';
const FLUSHER = 'ingestion/flusher.js';
const CHECKPOINTS = 'ingestion/checkpoint.repository.js';
const LOG_REPLAY = 'replays/log/log-replay-runner.js';

/**
 * Places at which a process can be made to end, stop or fail. FAILPOINT=flush.in_transaction:3 kills the process with SIGKILL the
 * third time it comes by; FAILPOINT=flush.before:1:SIGSTOP stops it there, and FAILPOINT=flush.after_commit:2:throw lets the step fail
 * with an error, as when the answer to a COMMIT is lost. Several are separated by commas.
 * @type {Readonly<Record<string, Patch>>}
 */
export const failpoints = {
  /** Deltas are sealed, nothing has gone to the database. */
  'flush.before': before('flush.before', FLUSHER, 'await this.flushStep.store('),
  /** Everything is written, nothing committed. */
  'flush.in_transaction': {
    file: FLUSH,
    anchor: 'inTransaction(this.database, storeAll',
    replacement:
      "inTransaction(this.database, async (...given) => { await storeAll(...given); passes('flush.in_transaction'); }",
  },
  /** It is committed, and memory does not know it yet. */
  'flush.after_commit': before('flush.after_commit', FLUSH, 'this.lastMs = performance.now()'),
  /** Partitions are claimed: others are fenced off, and nobody reads. */
  'claim.claimed': {
    file: OWNERSHIP,
    anchor: 'await this.settle(claim',
    replacement: "passes('claim.claimed'), await this.settle(claim",
  },
  /** The same, for a partition that is found to be well. */
  'claim.before_seek': before('claim.before_seek', OWNERSHIP, 'this.source.seek(partition'),
  /** The day's rows are written, and so is the end of its run; nothing is committed. */
  'daily.in_transaction': before(
    'daily.in_transaction',
    'daily-stats/batch/day-builder.js',
    'await this.days.built(',
  ),
  /** Of a replay of anomalies: windows and states of a chunk are written, the job's cursor is not moved, nothing is committed. */
  'replay.in_transaction': before(
    'replay.in_transaction',
    'replays/replay-runner.js',
    'await this.jobs.advance(transaction, id, progressOf(',
  ),
  /** Of a rebuild from the log: most of it is read, into temporary tables. */
  'rebuild.read': before('rebuild.read', LOG_REPLAY, 'await this.swap.prepare('),
  /** Ingestion waits for the locks of the rebuild. */
  'rebuild.holding_up': before('rebuild.holding_up', LOG_REPLAY, 'await rebuild.finish('),
  /** All windows are put in place of the old ones, nothing is committed. */
  'rebuild.in_transaction': before('rebuild.in_transaction', LOG_REPLAY, 'await session.commitTransaction('),
};

const withoutEpochCheck = { file: CHECKPOINTS, anchor: 'AND stored.epoch = delta.epoch', replacement: '' };
const withoutOffsetCheck = {
  file: CHECKPOINTS,
  anchor: 'AND stored.next_offset = delta.from_offset',
  replacement: '',
};
const RECLAIM = 'this.ownership.reclaim(';

/**
 * Services with one bolt less, to see that the tests notice. The bolts stand one behind the other, and most faults are held by each of
 * them: where a single one is taken away, only the fault that is named here shows it.
 * @type {Readonly<Record<string, { patches: readonly Patch[], shownBy: string }>>}
 */
export const controls = {
  /**
   * No fencing at all: neither token nor offset is compared. The checkpoint goes wherever the last one to flush wants it.
   */
  'no-fencing': {
    patches: [withoutEpochCheck, withoutOffsetCheck],
    shownBy:
      'a zombie: SIGSTOP a replica that holds deltas (FAILPOINT=flush.before:n:SIGSTOP) for longer than the session timeout under traffic, then SIGCONT: its events are counted twice',
  },
  /**
   * Any owner may flush, if it begins where the checkpoint stands. Two replicas that have read the same log there hold the same, so
   * a mere zombie does no harm: what it stores is right, and the owner is refused. It takes another log with the same offsets.
   */
  'no-epoch-check': {
    patches: [withoutEpochCheck],
    shownBy:
      'a zombie of another log: SIGSTOP a replica before its first flush (FAILPOINT=flush.before:1:SIGSTOP), create the topic anew and empty, let another replica claim it (acknowledge what is halted), then SIGCONT: events of the log that is gone are counted',
  },
  /**
   * An owner may flush wherever the checkpoint stands. Every failed flush is followed by a claim with a new token, so that an owner
   * knows the checkpoint, unless the database forgets it.
   */
  'no-offset-check': {
    patches: [withoutOffsetCheck],
    shownBy:
      'a database that goes back in time, as one does when a standby that lacks the last commits takes over: chaos/rewind.mjs, while replicas have nothing to flush; then more traffic: events before the rewind are lost',
  },
  /**
   * The buffer is cleared when it is sealed, as in services that swap it before the insert: a flush that fails has lost its windows and
   * anomalies, and the next one moves the checkpoint over them.
   */
  'clear-before-commit': {
    patches: [
      {
        file: FLUSHER,
        anchor: RECLAIM,
        replacement: `
            for (const { owned, delta } of held) {
                if (!(owned.sealed === delta && owned.active?.from === delta.to)) { console.error('The control no longer fits the service'); process.exit(86); }
                owned.active.from = delta.from;
                owned.sealed = null;
            }
            void (`,
      },
    ],
    shownBy:
      'any flush that fails under traffic: PostgreSQL is killed and comes back, or FAILPOINT=flush.before:n:throw',
  },
  /**
   * A flush that fails is tried again as it is, without asking the database how far it has come; and nothing compares the offset, which
   * would catch that.
   */
  'no-reclaim': {
    patches: [
      withoutOffsetCheck,
      {
        file: FLUSHER,
        anchor: RECLAIM,
        replacement: `
            await new Promise((resolve) => setTimeout(resolve, 200));
            await this.storeUnlessFenced(held).catch(() => process.exit(1));
            void (`,
      },
    ],
    shownBy:
      'a COMMIT whose answer is lost: FAILPOINT=flush.after_commit:n:throw, or a proxy that cuts the connection there: its events are counted twice',
  },
};
