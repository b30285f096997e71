import { invalidReasons, type InvalidReason } from './faults.js';

/** What comes of what is left out: the traffic of the operator whose stream this is. */
export const defaultWeights = {
  typeWeights: { data_session: 60, call: 25, sms: 10, balance_recharge: 5 },
  regionWeights: { Almaty: 1, Astana: 1, Pavlodar: 1, Taraz: 1 },
  // A record of a MiB each: only for those who ask for it.
  invalidWeights: {
    ...(Object.fromEntries(invalidReasons.map((reason) => [reason, 1])) as Record<InvalidReason, number>),
    oversized: 0,
  },
} as const;
