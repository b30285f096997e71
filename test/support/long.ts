/** Whether tests take the time that they would like to: `npm run test:long`. */
export const isLong = process.env.TEST_LONG === 'true';

/** For tests that are of the long form alone. */
export const long = isLong ? it : it.skip;

/** How often a process is killed at moments that differ. */
export const KILLS = isLong ? 20 : 6;
