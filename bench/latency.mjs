// From publishing an event to seeing it in GET /metrics, under load: npm run bench:latency -- --rate 5000 --probes 100
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { createDatabase, startServers, startService } from './environment.mjs';

const { values } = parseArgs({
  options: { rate: { type: 'string', default: '5000' }, probes: { type: 'string', default: '60' } },
});
const [rate, probes] = [Number(values.rate), Number(values.probes)];

const servers = await startServers();
const url = await createDatabase(servers.databaseUrl, 'latency');
const service = await startService({ DATABASE_URL: url, KAFKA_BROKERS: servers.brokers }, 24_101);
try {
  await service.ready();
  const json = { method: 'POST', headers: { 'content-type': 'application/json' } };
  await fetch(`${service.url}/simulator/start`, { ...json, body: JSON.stringify({ eventsPerSecond: rate }) });
  await delay(5_000);
  const producer = new kafkajs.Kafka({ brokers: [servers.brokers], logLevel: 0 }).producer();
  await producer.connect();
  const times = [];
  for (let probe = 0; probe < probes; probe++) {
    const region = `probe-${randomBytes(6).toString('hex')}`;
    const event = { msisdn: '1', event_type: 'sms', region, timestamp: new Date().toISOString() };
    const startedAt = performance.now();
    await producer.send({ topic: 'telecom_events', messages: [{ value: JSON.stringify(event) }] });
    for (;;) {
      const { items } = await (await fetch(`${service.url}/metrics?type=region_agg&key=${region}`)).json();
      if (items.length > 0) break;
      await delay(10);
    }
    times.push(performance.now() - startedAt);
  }
  await producer.disconnect();
  const { run } = await (await fetch(`${service.url}/simulator`)).json();
  times.sort((a, b) => a - b);
  const at = (share) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))]);
  console.log(
    `${rate} events/s (really ${Math.round(run.eventsPerSecond)}): p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms, peak RSS ${service.peakMb().toFixed(0)} MB`,
  );
} finally {
  await service.stop();
  await servers.stop();
}
