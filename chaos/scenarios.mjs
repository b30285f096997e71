import { setTimeout as delay } from 'node:timers/promises';
import { addPartitions, freezeBroker, killBroker, poison } from './faults/broker-faults.mjs';
import * as database from './faults/database-faults.mjs';
import { fillDisk, smallDisk } from './faults/disk-fault.mjs';
import * as network from './faults/network-faults.mjs';
import { deleteUnreadRecords, recreateTopic, replaceTopic } from './faults/log-faults.mjs';
import {
  dieAt,
  freezeInTransaction,
  killRandomly,
  makeZombie,
  stormOfRebalances,
} from './faults/replica-faults.mjs';
import { freezeBeforeFlush, rewindDatabase, wakeUpInAnotherLog } from './faults/zombie-faults.mjs';
import { everythingAtOnce } from './faults/combined-faults.mjs';
import { dieInDailyRun, dieInLogReplay, dieInReplay } from './faults/side-work-faults.mjs';

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} about what is done, while 20,000 events a second flow
 * @property {import('./round.mjs').Settings} [settings]
 * @property {(round: import('./round.mjs').Round) => Promise<string[] | void>} run does the faults, and expects what they must show.
 *   That the database is that of the log in the end is expected of all; `run` may return differences of a moment before
 * @property {boolean} [mustDiffer] a negative control: the suite fails unless it finds differences
 * @property {(environment: import('./environment.mjs').Environment) => Promise<import('./postgres.mjs').Postgres | null>} [ownPostgres]
 *   in place of the environment's; null: cannot be had here, and the scenario is skipped
 */

/** Where a replica ends itself, of the places that it comes by without being asked. */
const FLUSH_FAILPOINTS = ['flush.before', 'flush.in_transaction', 'flush.after_commit'];
const CLAIM_FAILPOINTS = ['claim.claimed', 'claim.before_seek'];

/** kill -9 at random moments, in all rounds of the long form. */
const KILLS = 100;
const KILL_ROUNDS = 4;

/** @type {Scenario[]} */
export const scenarios = [
  {
    name: 'calm',
    about: 'nothing, for 5 s: what the suite says of a service that is left alone',
    run: async (round) => {
      const sent = () => /** @type {import('./traffic.mjs').TrafficStats} */ (round.traffic.stats()).sent;
      const [before, beganAt] = [sent(), performance.now()];
      await delay(5_000);
      const rate = (sent() - before) / ((performance.now() - beganAt) / 1_000);
      round.say(`${rate.toFixed(0)} events/s`);
      round.expect(rate > 0.8 * 20_000, `traffic is only ${rate.toFixed(0)} events/s`);
    },
  },
  ...Array.from({ length: KILL_ROUNDS }, (_, number) => ({
    name: `kills-${number + 1}`,
    about: `${KILLS / KILL_ROUNDS} times kill -9 of a random replica of three, at random moments`,
    // In every other round ids are forgotten, and repeats come after that, while replicas die.
    settings: { replicas: 3, ...(number % 2 === 1 && { env: { DEDUPLICATION_WINDOW: '5s' } }) },
    run: (round) => killRandomly(round, { kills: KILLS / KILL_ROUNDS }),
  })),
  {
    name: 'failpoints',
    about: 'kill -9 before a flush, in its transaction, after its COMMIT, and in a claim',
    settings: { replicas: 1 },
    run: async (round) => {
      const { random } = round;
      for (const failpoint of random.shuffle([...FLUSH_FAILPOINTS, ...FLUSH_FAILPOINTS]))
        await dieAt(round, [{ failpoint, times: random.between(1, 5) }]);
      for (const failpoint of CLAIM_FAILPOINTS)
        await dieAt(round, [{ failpoint, times: random.between(1, 2) }]);
    },
  },
  {
    name: 'daily-run',
    about: 'kill -9 in the middle of building a day',
    settings: { startAgoMs: 86_400_000 },
    run: dieInDailyRun,
  },
  {
    name: 'replay',
    about: 'kill -9 in the middle of a replay of anomalies',
    settings: { rates: { tooLate: 0.02 } },
    run: dieInReplay,
  },
  { name: 'log-replay', about: 'kill -9 while windows are made anew from the log', run: dieInLogReplay },
  {
    name: 'zombies',
    about: 'SIGSTOP of a replica until others have its partitions, then SIGCONT: its flush is fenced off',
    run: async (round) => {
      let fenced = 0;
      for (let zombie = 0; zombie < 4; zombie++) fenced += await makeZombie(round);
      round.expect(fenced > 0, 'no flush of a zombie was fenced off');
    },
  },
  {
    name: 'frozen-in-flush',
    about: 'SIGSTOP of a replica in the transaction of its flush, with its locks',
    run: async (round) => {
      for (let time = 0; time < 2; time++) await freezeInTransaction(round);
    },
  },
  {
    name: 'zombie-with-flush',
    about: 'SIGSTOP of a replica with a flush in its hands until others have taken over, then SIGCONT',
    settings: { replicas: 1 },
    run: freezeBeforeFlush,
  },
  {
    name: 'zombie-of-another-log',
    about: 'the topic is made anew while a replica is frozen before its first flush',
    settings: { replicas: 0 },
    run: wakeUpInAnotherLog,
  },
  {
    name: 'database-rewound',
    about: 'the database loses its last commits, as when a standby takes over',
    run: rewindDatabase,
  },
  {
    name: 'rebalances',
    about: '1 → 4 → 2 → 3 replicas every few seconds',
    settings: { replicas: 1, partitions: 6, env: { DEDUPLICATION_WINDOW: '3s' } },
    run: (round) => stormOfRebalances(round, { cycles: 3 }),
  },
  {
    name: 'broker-killed',
    about: 'kill -9 of the broker, and a restart',
    run: async (round) => {
      for (let kill = 0; kill < 3; kill++) await killBroker(round);
    },
  },
  {
    name: 'broker-frozen',
    about: 'SIGSTOP of the broker for 30 s',
    run: (round) => freezeBroker(round, { seconds: 30 }),
  },
  {
    name: 'topic-recreated',
    about: 'the topic is deleted and made anew beneath the replicas; it is shorter at first',
    run: recreateTopic,
  },
  {
    name: 'topic-replaced',
    about: 'it is made anew while no replica is there, and is longer than it was when they come back',
    run: replaceTopic,
  },
  {
    name: 'records-deleted',
    about: 'DeleteRecords beyond the checkpoint of one partition',
    run: deleteUnreadRecords,
  },
  {
    name: 'partitions-added',
    about: 'partitions are added',
    settings: { partitions: 2 },
    run: async (round) => {
      await addPartitions(round, { add: 2 });
      await addPartitions(round, { add: 3 });
    },
  },
  {
    name: 'database-restarted',
    about: 'immediate stop of PostgreSQL, and a restart',
    run: async (round) => {
      for (let restart = 0; restart < 5; restart++) await database.restartDatabase(round);
    },
  },
  {
    name: 'database-frozen',
    about: 'SIGSTOP of PostgreSQL for 30 s, and for 70 s: longer than replicas wait for an answer',
    run: async (round) => {
      for (const seconds of [30, 70]) await database.freezeDatabase(round, { seconds });
    },
  },
  {
    name: 'commits-failed',
    about: 'connections are ended in their COMMIT, before it is written',
    run: (round) => database.killCommits(round, { written: false, kills: 8 }),
  },
  {
    name: 'commits-unanswered',
    about: 'connections are ended in their COMMIT, after it is written: it holds, and nobody is told',
    run: (round) => database.killCommits(round, { written: true, kills: 8 }),
  },
  {
    name: 'commits-slow',
    about: 'every COMMIT takes 5 s',
    run: (round) => database.slowDownCommits(round, { seconds: 5, commits: 5 }),
  },
  {
    name: 'database-read-only',
    about: 'PostgreSQL refuses writes',
    run: async (round) => {
      for (let time = 0; time < 2; time++) await database.makeReadOnly(round);
    },
  },
  {
    name: 'connections-exhausted',
    about: "the service's role may have one connection",
    run: async (round) => {
      for (let time = 0; time < 2; time++) await database.exhaustConnections(round);
    },
  },
  {
    name: 'disk-full',
    about: "PostgreSQL's disk is full, WAL and all, and has space again",
    ownPostgres: smallDisk,
    run: fillDisk,
  },
  {
    name: 'cut-off-from-kafka',
    about:
      'nothing comes through between a replica and Kafka: others take over, while it still reaches PostgreSQL',
    run: (round) => network.cutOffFromKafka(round, { times: 3 }),
  },
  {
    name: 'cut-off-from-database',
    about:
      'nothing comes through between a replica and PostgreSQL; what it had sent arrives when the link is mended',
    run: (round) => network.cutOffFromDatabase(round, { seconds: [5, 20, 70] }),
  },
  {
    name: 'cut-in-commit',
    about:
      'a COMMIT, or its answer, is on its way for 4, 15 and 70 s; of a replica that is killed meanwhile, too',
    run: (round) =>
      network.cutInCommit(round, [
        { side: 'near', seconds: 4 },
        { side: 'far', seconds: 4 },
        { side: 'near', seconds: 4, killed: true },
        { side: 'far', seconds: 4, killed: true },
        { side: 'near', seconds: 15 },
        { side: 'near', seconds: 15, killed: true },
        { side: 'near', seconds: 70 },
      ]),
  },
  {
    name: 'cut-off-from-all',
    about:
      'nothing comes through between a replica and Kafka or PostgreSQL, which come back one after the other',
    run: (round) => network.cutOffFromAll(round, { times: 3 }),
  },
  {
    name: 'connections-reset',
    about: 'all connections of a replica end again and again',
    run: (round) => network.resetConnections(round, { times: 20 }),
  },
  {
    name: 'all-at-once',
    about: 'kill -9 of replicas, of the broker and of PostgreSQL, and a link that is cut, side by side',
    settings: { replicas: 3 },
    run: everythingAtOnce,
  },
  { name: 'poison', about: 'some 300 kinds of bad records, all codecs, transactions', run: poison },
];
