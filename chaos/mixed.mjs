import { addPartitions, killBroker, poison } from './faults/broker-faults.mjs';
import { restartDatabase } from './faults/database-faults.mjs';
import { dieAt, killRandomly, makeZombie } from './faults/replica-faults.mjs';

/**
 * The short form: one round with a fault of each sort, one after the other, on what may be a machine of two cores.
 * @type {import('./scenarios.mjs').Scenario}
 */
export const mixed = {
  name: 'mixed',
  about:
    'poison, added partitions, kill -9 anywhere and at each place of a flush, a zombie, broker and database',
  run: async (round) => {
    await poison(round);
    // They are noticed within half a minute, in which the rest goes on.
    const added = addPartitions(round, { add: 2 });
    await Promise.all([added, killRandomly(round, { kills: 2 })]);
    await dieAt(
      round,
      ['flush.before', 'flush.in_transaction', 'flush.after_commit'].map((failpoint) => ({ failpoint })),
    );
    round.expect((await makeZombie(round)) > 0, 'no flush of the zombie was fenced off');
    await restartDatabase(round);
    await killBroker(round);
  },
};
