// Anomalies replayed a second, without a limit: npm run bench:replay -- --anomalies 1000000
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createDatabase, post, startPostgres, startService } from './environment.mjs';

const { values } = parseArgs({ options: { anomalies: { type: 'string', default: '1000000' } } });
const anomalies = Number(values.anomalies);

const postgres = await startPostgres();
const url = await createDatabase(postgres.url, 'replay');
const service = await startService({ DATABASE_URL: url }, 24_103);
const database = new pg.Client({ connectionString: url });
try {
  await service.ready();
  await database.connect();
  await database.query(
    `INSERT INTO anomalies (reason, detail, raw, topic, partition, incarnation, "offset", record_timestamp)
     SELECT 'invalid_duration', 'duration_seconds is a string',
            convert_to(json_build_object('event_id', gen_random_uuid(), 'msisdn', '7701' || n, 'region', (ARRAY['Almaty', 'Astana', 'Pavlodar', 'Taraz'])[n % 4 + 1],
              'cell_tower_id', 1000 + n % 9000, 'timestamp', to_char(timestamp '2025-11-08' + n * interval '80 milliseconds', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
              'event_type', 'call', 'event_subtype', 'incoming', 'duration_seconds', 'x')::text, 'UTF8'),
            'telecom_events', n % 4, 1, n, now()
       FROM generate_series(1, $1::integer) AS n`,
    [anomalies],
  );
  await database.query('ANALYZE anomalies');
  for (const dryRun of [true, false]) {
    const startedAt = performance.now();
    const { id } = await post(service, '/replays', {
      source: 'anomalies',
      filter: { reason: 'invalid_duration' },
      patch: { duration_seconds: 60 },
      ratePerSecond: 0,
      dryRun,
    });
    let replay;
    do {
      await delay(100);
      replay = await (await fetch(`${service.url}/replays/${id}`)).json();
    } while (/planned|running/.test(replay.status));
    const seconds = (performance.now() - startedAt) / 1000;
    if (replay.applied !== anomalies) throw new Error(JSON.stringify({ ...replay, changes: undefined }));
    console.log(
      `${dryRun ? 'dry run' : 'replay'} of ${anomalies.toLocaleString('en')} anomalies: ${seconds.toFixed(1)} s, ${Math.round(anomalies / seconds).toLocaleString('en')} a second, peak RSS ${service.peakMb().toFixed(0)} MB`,
    );
  }
} finally {
  await database.end();
  await service.stop();
  await postgres.stop();
}
