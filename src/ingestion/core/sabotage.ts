import { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { takeIn, type TakeIn } from './intake.js';
import type { PartitionDelta } from './partition-delta.js';

/** A fault that neither ledger nor anomalies show, for tests of what has to find it out. */
export interface Sabotage {
  /** What a hit event adds to its windows: nothing, or itself twice. */
  readonly fault: 'drop' | 'double';
  /** Of so many accepted events, the last is hit. */
  readonly oneIn: number;
}

/** Takes records in, but for the windows of every so many accepted events, counted from 1 over all calls. */
export function sabotagedTakeIn({ fault, oneIn }: Sabotage): TakeIn {
  let accepted = 0;
  return (record, origin, delta, rules, now) => {
    const before = acceptedBy(delta);
    if (accepted % oneIn < oneIn - 1) {
      takeIn(record, origin, delta, rules, now);
    } else {
      const gained = new WindowDeltas();
      takeIn(record, origin, withWindows(delta, gained), rules, now);
      for (let times = fault === 'drop' ? 0 : 2; times > 0; times--) delta.windows.merge(gained);
    }
    accepted += acceptedBy(delta) - before;
  };
}

const acceptedBy = ({ ledger }: PartitionDelta): number => ledger.counted + ledger.lateCounted;

/** The same delta, all changes to it included, with other windows. */
const withWindows = (delta: PartitionDelta, windows: WindowDeltas): PartitionDelta =>
  new Proxy(delta, {
    get: (target, name): unknown => (name === 'windows' ? windows : Reflect.get(target, name)),
  });
