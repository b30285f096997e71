import { killBroker } from './broker-faults.mjs';
import { restartDatabase } from './database-faults.mjs';
import { cutOffFromAll, linkedOwner } from './network-faults.mjs';
import { killRandomly } from './replica-faults.mjs';

/** Faults that do not wait for each other to be over. @param {import('../round.mjs').Round} round */
export async function everythingAtOnce(round) {
  const timesOver = async (times, fault) => {
    for (let time = 0; time < times; time++) await fault(round);
  };
  const linked = await linkedOwner(round);
  const faults = await Promise.allSettled([
    cutOffFromAll(round, { times: 2, linked }),
    killRandomly(round, { kills: 8, spared: linked.replica }),
    timesOver(3, restartDatabase),
    timesOver(2, killBroker),
  ]);
  // The servers are the next round's, too: no fault may go on when another one has failed.
  const failed = faults.find((fault) => fault.status === 'rejected');
  if (failed) throw failed.reason;
}
