/** Nest injection token of {@link Clock}. */
export const CLOCK = Symbol('Clock');

/** Tells the time, epoch milliseconds: which days are over. Durations go by the database's clock. */
export type Clock = () => number;
