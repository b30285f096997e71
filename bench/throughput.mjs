// Events per second from Kafka to the last committed checkpoint, of one process: npm run bench -- --events 3000000 --rounds 3
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createDatabase, startServers, startService } from './environment.mjs';
import { loadTopic } from './load-topic.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    partitions: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
  },
});
const [events, partitions, rounds] = [values.events, values.partitions, values.rounds].map(Number);

const servers = await startServers();
try {
  console.log(`Loading ${events} events into ${partitions} partitions …`);
  const { bytes } = await loadTopic({ brokers: servers.brokers, topic: 'bench', events, partitions });
  console.log(`${(bytes / events).toFixed(0)} bytes an event`);
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = await measure(round);
    results.push(result);
    console.log(
      `round ${round}: ${Math.round(result.rate).toLocaleString('en')} events/s, ${result.cpu.toFixed(1)} CPU s per million, peak RSS ${result.peakMb.toFixed(0)} MB`,
    );
  }
  const rates = results.map(({ rate }) => rate).sort((a, b) => a - b);
  console.log(`median ${Math.round(rates[Math.floor(rates.length / 2)]).toLocaleString('en')} events/s`);
} finally {
  await servers.stop();
}

/** From the moment the service has claimed its partitions (all of the log before it) to the last event's checkpoint. */
async function measure(round) {
  const url = await createDatabase(servers.databaseUrl, `bench_${round}`);
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  const service = await startService(
    {
      DATABASE_URL: url,
      KAFKA_BROKERS: servers.brokers,
      KAFKA_TOPIC: 'bench',
      KAFKA_GROUP_ID: `bench-${round}`,
    },
    24_000 + round,
  );
  const consumed = async () => {
    const { rows } = await database
      .query(
        `SELECT coalesce(sum(consumed), 0) AS consumed, min(claimed_at) AS claimed, max(last_flush_at) AS flushed FROM ingest_partitions`,
      )
      .catch(() => ({ rows: [{ consumed: 0 }] }));
    return rows[0];
  };
  let state = await consumed();
  while (Number(state.consumed) < events) {
    await delay(100);
    state = await consumed();
  }
  const { rows } = await database.query(
    `SELECT sum(event_count) AS counted FROM real_time_metrics WHERE metric_type = 'region_agg'`,
  );
  const { rows: anomalies } = await database.query(`SELECT count(*) AS count FROM anomalies`);
  if (Number(rows[0].counted) + Number(anomalies[0].count) !== events)
    throw new Error('The totals are wrong');
  const result = {
    rate: events / ((state.flushed - state.claimed) / 1000),
    cpu: (service.cpuSeconds() / events) * 1e6,
    peakMb: service.peakMb(),
  };
  await service.stop();
  await database.end();
  return result;
}
