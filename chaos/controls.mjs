import { killCommits } from './faults/database-faults.mjs';
import { freezeBeforeFlush, rewindDatabase, wakeUpInAnotherLog } from './faults/zombie-faults.mjs';

/** Quick to start, and enough to tell. */
const SMALL = { replicas: 1, partitions: 2, rate: 5_000 };

/**
 * Services with a bolt less: what is done to them is done to the whole service by other scenarios, and there nothing differs. Here
 * something must.
 * @type {import('./scenarios.mjs').Scenario[]}
 */
export const controls = [
  {
    name: 'no-fencing',
    about: 'a service that compares neither epoch nor offset when it flushes, and a zombie',
    settings: { ...SMALL, control: 'no-fencing' },
    mustDiffer: true,
    run: freezeBeforeFlush,
  },
  {
    name: 'no-epoch-check',
    about: 'a service that compares no epoch, and a zombie of another log',
    settings: { ...SMALL, replicas: 0, control: 'no-epoch-check' },
    mustDiffer: true,
    run: wakeUpInAnotherLog,
  },
  {
    name: 'no-offset-check',
    about: 'a service that compares no offset, and a database that goes back in time',
    settings: { ...SMALL, control: 'no-offset-check' },
    mustDiffer: true,
    run: rewindDatabase,
  },
  {
    name: 'clear-before-commit',
    about: 'a service that clears its memory before the COMMIT, and COMMITs that fail',
    settings: { ...SMALL, control: 'clear-before-commit' },
    mustDiffer: true,
    run: (round) => killCommits(round, { written: false, kills: 2 }),
  },
  {
    name: 'no-reclaim',
    about: 'a service that tries a failed flush again as it is, and COMMITs without an answer',
    // The rows of event ids would refuse to be stored twice: a bolt of their own.
    settings: { ...SMALL, control: 'no-reclaim', env: { DEDUPLICATION_WINDOW: '0' } },
    mustDiffer: true,
    run: (round) => killCommits(round, { written: true, kills: 2 }),
  },
];
