import { spawn } from 'node:child_process';
import { once } from 'node:events';
import kafkajs from 'kafkajs';

/**
 * Events that flow into a topic at a steady rate, from `npm run simulate` as a process of its own.
 * @param {{ brokers: string, topic: string, rate: number }} load
 * @returns {Promise<Load>}
 *
 * @typedef {object} Load
 * @property {() => Promise<() => Promise<number>>} measure begins to count; what it returns tells the events per second that
 *   the log has really got since
 * @property {() => Promise<number>} end events in the log
 * @property {() => Promise<number>} stop tells how many there are in the log then
 */
export async function startLoad({ brokers, topic, rate }) {
  const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.ERROR }).admin();
  await admin.connect();
  const end = async () =>
    (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);

  const begun = await end();
  const child = spawn(
    process.execPath,
    ['dist/simulator/cli.js', '--brokers', brokers, '--topic', topic, '--rate', String(rate)],
    { env: { PATH: process.env.PATH, HOME: process.env.HOME }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const exit = once(child, 'exit');
  const check = () => {
    if (child.exitCode !== null) throw new Error(`The load has ended: ${said}`);
  };
  while ((await end()) === begun) check();

  return {
    end,
    async measure() {
      const [from, startedAt] = [await end(), performance.now()];
      return async () => {
        check();
        return (((await end()) - from) / (performance.now() - startedAt)) * 1000;
      };
    },
    async stop() {
      child.kill('SIGINT');
      await exit;
      const events = await end();
      await admin.disconnect();
      return events;
    },
  };
}
