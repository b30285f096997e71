import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** It is a little above 1. */
const MOST = 3;

/**
 * A guard against a hot path that becomes several times slower. Measured beside a loop that only reads the same events with
 * JSON.parse, so that neither the machine nor what else it does matters; in a process of its own, for in Jest's every access to
 * a global takes longer than an event.
 */
it(`from the bytes of a fetch to windows an event takes less than ${MOST} times as long as JSON.parse`, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/hot-path.mjs', '--json']);
  const { ratio } = JSON.parse(stdout) as { ratio: number };
  expect(ratio).toBeGreaterThan(0);
  expect(ratio).toBeLessThan(MOST);
});
