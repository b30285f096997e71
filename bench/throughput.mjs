// Events per second from Kafka to the last committed checkpoint, beside two that store nothing: npm run bench -- --events 3000000 --rounds 3
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureConsumers } from './contenders/consumers.mjs';
import { measureService } from './contenders/service.mjs';
import { createDatabase, startServers } from './environment.mjs';
import { loadTopic } from './load-topic.mjs';
import { spread, table, whole } from './report.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '3000000' },
    partitions: { type: 'string', default: '4' },
    /** none, gzip, snappy, lz4 or zstd */
    compression: { type: 'string', default: 'none' },
    /** Processes of each contender, in one consumer group. */
    replicas: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    /** Which, in the order of odd rounds. */
    contenders: { type: 'string', default: 'a,b,c,d' },
    /** KAFKA_FETCH_MAX_BYTES of the service, and maxBytes of the raw drain; kafkajs's own default is 10485760. */
    'fetch-bytes': { type: 'string', default: '2097152' },
    json: { type: 'boolean', default: false },
  },
});
const [events, partitions, replicas, rounds] = [
  values.events,
  values.partitions,
  values.replicas,
  values.rounds,
].map(Number);
/** The stock consumer is some twenty times slower: it reads only so many. */
const stockEvents = Math.min(events, 300_000);
const TOPIC = 'bench';

const contenders = {
  a: { name: 'raw kafkajs drain', measure: drain },
  b: { name: 'stock Nest @EventPattern', measure: stock },
  c: { name: 'this service, to the last checkpoint', measure: ours },
  d: { name: 'c with DEDUPLICATION_WINDOW=0', measure: withoutMemory },
};

const letters = values.contenders.split(',');
for (const letter of letters)
  if (!Object.hasOwn(contenders, letter)) throw new Error(`There is no contender ${letter}`);

const say = values.json ? console.error : console.log;
const results = { a: [], b: [], c: [], d: [] };

// Kafka's default delay, so that a group does not begin with the first of its processes alone.
const servers = await startServers({ 'group.initial.rebalance.delay.ms': 3_000 });
let loaded;
try {
  loaded = await load();
  // Contenders start cold, each in its turn; the broker and the database must not, or the first ones would pay for that.
  await drain('warm-up');
  await ours('warm_up');
  for (let round = 1; round <= rounds; round++)
    for (const letter of round % 2 === 1 ? letters : letters.toReversed()) await measure(letter, round);
} finally {
  await servers.stop();
}
const summary = summarise();
say(`\n${render(summary)}`);
if (values.json) console.log(JSON.stringify(summary, null, 2));
process.exit(summary.verified ? 0 : 1);

async function load() {
  say(`Loading ${whole(events)} events into ${partitions} partitions, compression ${values.compression} …`);
  const startedAt = performance.now();
  const { compression } = values;
  const load = await loadTopic({ brokers: servers.brokers, topic: TOPIC, events, partitions, compression });
  const seconds = (performance.now() - startedAt) / 1000;
  say(`${(load.bytes / events).toFixed(0)} bytes an event; it took ${seconds.toFixed(0)} s`);
  return load;
}

async function measure(letter, round) {
  const load = loadavg()[0];
  const result = await contenders[letter].measure(round);
  results[letter].push({ round, load, ...result });
  say(
    `round ${round}, ${letter}: ${whole(result.rate)} events/s, ${result.cpuSeconds.toFixed(2)} CPU s per million, peak RSS ${whole(result.peakMb)} MB, load average before ${load.toFixed(1)}`,
  );
  if (!result.differences) return;
  if (result.differences.length === 0)
    say('  verified: all windows, anomalies and ledgers are those of the answer key');
  else console.error(`  WRONG in ${result.differences.length} places, such as:`);
  for (const difference of result.differences.slice(0, 20)) console.error(`    ${difference}`);
}

function drain(round) {
  const parameters = [servers.brokers, TOPIC, `drain-${round}`, values['fetch-bytes']];
  return measureConsumers('bench/contenders/kafkajs-drain.mjs', parameters, { replicas, events });
}

function stock(round) {
  const parameters = [servers.brokers, TOPIC, `stock-${round}`];
  return measureConsumers('bench/contenders/nest-event-pattern.mjs', parameters, {
    replicas,
    events: stockEvents,
  });
}

/** The topic has no repeats: what differs is only what looking for them costs. */
function withoutMemory(round) {
  return ours(`no_memory_${round}`, { DEDUPLICATION_WINDOW: '0' });
}

async function ours(round, settings = {}) {
  const env = {
    ...settings,
    DATABASE_URL: await createDatabase(servers.databaseUrl, `bench_${round}`),
    KAFKA_BROKERS: servers.brokers,
    KAFKA_TOPIC: TOPIC,
    KAFKA_GROUP_ID: `ours-${round}`,
    KAFKA_FETCH_MAX_BYTES: values['fetch-bytes'],
  };
  return measureService(env, { replicas, answer: loaded.answer });
}

function summarise() {
  /** Of each round, as the two of it met the same machine; none when one of them was not measured. */
  const ratio = (label, name, ones, others) =>
    results[ones].length > 0 && results[others].length > 0
      ? { [label]: spread(results[ones].map((one, round) => one[name] / results[others][round][name])) }
      : {};
  return {
    machine: { cpu: cpus()[0].model, cores: cpus().length, node: process.version },
    load: {
      events,
      partitions,
      compression: values.compression,
      replicas,
      bytesPerEvent: loaded.bytes / events,
    },
    contenders: letters.toSorted().map((letter) => ({
      ...{ letter, name: contenders[letter].name, rounds: results[letter] },
      rate: spread(results[letter].map(({ rate }) => rate)),
      cpuSeconds: spread(results[letter].map(({ cpuSeconds }) => cpuSeconds)),
      peakMb: spread(results[letter].map(({ peakMb }) => peakMb)),
      flushes: 'flushes' in results[letter][0] ? spread(results[letter].map(({ flushes }) => flushes)) : null,
    })),
    ratios: {
      ...ratio('c/a', 'rate', 'c', 'a'),
      ...ratio('c/b', 'rate', 'c', 'b'),
      // The last flush waits for its timer, which makes steps of what c and d differ in.
      ...ratio('c/d before the last flush', 'rateBeforeLast', 'c', 'd'),
      ...ratio('d/c of CPU', 'cpuSeconds', 'd', 'c'),
    },
    verified: [...results.c, ...results.d].every(({ differences }) => differences.length === 0),
  };
}

function render({ contenders, ratios, verified }) {
  const rows = contenders.map(({ letter, name, rate, cpuSeconds, peakMb, flushes }) => [
    `${letter}: ${name}`,
    whole(rate.median),
    `${whole(rate.min)} – ${whole(rate.max)}`,
    cpuSeconds.median.toFixed(2),
    whole(peakMb.max),
    flushes === null ? '–' : flushes.median,
  ]);
  const head = ['contender', 'events/s, median', 'min – max', 'CPU s per million', 'peak RSS, MB', 'flushes'];
  const shares = Object.entries(ratios).map(
    ([name, { median, min, max }]) => `${name} ${median.toFixed(2)} (${min.toFixed(2)} – ${max.toFixed(2)})`,
  );
  const checked = contenders.filter(({ flushes }) => flushes !== null).map(({ letter }) => letter);
  return [
    table(head, rows),
    '',
    ...(shares.length > 0 ? [`Of each round: ${shares.join(', ')}`] : []),
    ...(letters.includes('b')
      ? [`b reads the first ${whole(stockEvents)} events only, from the first one on.`]
      : []),
    "Timed from having the partitions. CPU: of the contender's processes in that time. RSS: of the largest one.",
    ...(checked.length > 0
      ? [verified ? `Right in every round: ${checked.join(', ')}.` : 'WRONG, see above.']
      : []),
  ].join('\n');
}
