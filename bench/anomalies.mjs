// Pages of many anomalies, what they take at the database, and what storing takes: npm run bench:anomalies -- --rows 5000000
import { parseArgs } from 'node:util';
import { DataSource } from 'typeorm';
import { AnomaliesQueries } from '../dist/anomalies/anomalies.queries.js';
import { AnomaliesRepository } from '../dist/anomalies/anomalies.repository.js';
import { anomaliesQuery, summaryQuery } from '../dist/anomalies/anomalies.schemas.js';
import { AnomalySearch } from '../dist/anomalies/anomaly-search.js';
import { takeNextTexts } from '../dist/anomalies/anomaly-texts.service.js';
import { parseConfig } from '../dist/config/config.js';
import { dataSourceOptions, migrate } from '../dist/database/data-source.js';
import { addAnomalies, newAnomalies } from './anomaly-data.mjs';
import { createDatabase, startPostgres } from './environment.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    /** A database that is filled already, instead of one of its own. */
    url: { type: 'string' },
    explain: { type: 'boolean', default: false },
  },
});
const ROUNDS = 5;

const postgres = values.url ? undefined : await startPostgres();
const url = values.url ?? (await createDatabase(postgres.url, 'anomalies'));
const database = new DataSource(dataSourceOptions(parseConfig({}), url));
try {
  await database.initialize();
  if (!values.url) {
    await migrate(database);
    await addAnomalies(database, Number(values.rows));
  }
  await queries();
  await sizes();
  await inserts();
} finally {
  if (database.isInitialized) await database.destroy();
  await postgres?.stop();
}

async function queries() {
  const [{ from, until, msisdn, count }] = await database.query(
    `SELECT min(created_at) AS from, max(created_at) AS until, count(*)::integer AS count,
            (SELECT substring(convert_from(raw, 'UTF8') FROM '"msisdn": "(\\d+)') FROM anomalies
              WHERE id = (SELECT min(id) + 1000 FROM anomalies)) AS msisdn FROM anomalies`,
  );
  const at = (share) => new Date(from.getTime() + (until - from) * share).toISOString();
  const middle = { from: at(0.5), to: at(0.51) };
  const wide = { from: at(0.05), to: at(0.95) };
  console.log(
    `${count.toLocaleString('en')} anomalies. At the database, ms: median of ${ROUNDS}, warm; of all statements of a request`,
  );
  const cases = [
    {},
    { limit: '1000' },
    { reason: 'invalid_duration' },
    { reason: 'oversized' },
    { status: 'new' },
    { status: 'new', limit: '1000' },
    { status: 'discarded' },
    { reason: 'too_late', status: 'discarded' },
    { reason: 'late_event', status: 'new', ...middle },
    { status: 'discarded', ...middle },
    { status: 'replayed', from: at(0.6) },
    { reason: 'invalid_subtype', ...wide, limit: '1000' },
    { ...middle },
    { to: at(0.001), limit: '1000' },
    { from: at(2) },
    { deep: 0.3 },
    { deep: 0.02, status: 'new', limit: '1000' },
    { q: msisdn },
    { q: msisdn, reason: 'invalid_duration', status: 'new', ...wide },
    { q: msisdn.slice(2, 8) },
    { q: msisdn.slice(2, 7), status: 'discarded' },
    { q: 'Almaty' },
    { q: 'Almaty', limit: '1000' },
    { q: 'Алматы' },
    { q: 'Қостанай' },
    { q: 'Kуstanai', ...middle },
    { q: '"event_type": "call", "event_subtype": "incoming"', reason: 'late_event', status: 'discarded' },
    { q: 'call sms' },
    { q: 'no such text' },
    { q: 'zq' },
    { q: '%' },
    { q: '\\' },
    { q: '_', reason: 'oversized' },
    { q: 'number from 0', reason: 'missing_msisdn' },
    { q: 'incoming', status: 'discarded', from: at(0.4) },
    { q: 'no such text', deep: 0.5 },
  ];
  for (const { deep, ...query } of cases) {
    const cursor =
      deep === undefined ? undefined : (await list(database, { to: at(deep), limit: '1' })).nextCursor;
    await measure({ ...query, ...(cursor && { cursor }) }, `${deep === undefined ? '' : 'deep page '}`);
  }
  for (const range of [{}, middle]) {
    const label = `summary ${JSON.stringify(range)}`;
    await report(label, (connection) => new AnomaliesQueries(connection).summary(summaryQuery.parse(range)));
  }
}

function list(connection, query) {
  return new AnomaliesQueries(connection, new AnomalySearch(connection)).list(anomaliesQuery.parse(query));
}

async function measure(query, prefix) {
  const { cursor, ...shown } = query;
  await report(`${prefix}${JSON.stringify(shown)}`, (connection) => list(connection, { ...shown, cursor }));
}

/** Runs a request whose statements are explained, a few times. */
async function report(label, request) {
  const rounds = [];
  let items = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const plans = [];
    const connection = {
      async query(sql, parameters) {
        const [explained] = await database.query(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
          parameters,
        );
        plans.push(explained['QUERY PLAN'][0]);
        if (values.explain && round === ROUNDS && plans.at(-1)['Execution Time'] > 1)
          await show(sql, parameters);
        return database.query(sql, parameters);
      },
    };
    const answer = await request(connection);
    items = answer.items ? `${answer.items.length}${answer.nextCursor ? '+' : ''}` : answer.length;
    const sum = (pick) => plans.reduce((total, plan) => total + pick(plan), 0);
    rounds.push({
      ms: sum((plan) => plan['Execution Time']),
      longest: Math.max(...plans.map((plan) => plan['Execution Time'])),
      buffers: sum(({ Plan }) => Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks']),
      statements: plans.length,
    });
  }
  const { ms, longest, buffers, statements } = rounds.slice(1).sort((a, b) => a.ms - b.ms)[ROUNDS >> 1];
  console.log(
    `| ${label.padEnd(100)} | ${ms.toFixed(1).padStart(6)} | ${longest.toFixed(1).padStart(6)} | ${String(statements).padStart(2)} | ${String(items).padStart(5)} | ${String(buffers).padStart(6)} |`,
  );
}

async function show(sql, parameters) {
  const rows = await database.query(`EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) ${sql}`, parameters);
  console.log(rows.map((row) => row['QUERY PLAN']).join('\n'));
}

async function sizes() {
  const rows = await database.query(
    `SELECT relname AS name, pg_size_pretty(CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END) AS size
       FROM pg_class WHERE relname LIKE 'anomal%' AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 1000000
      ORDER BY relkind DESC, relname`,
  );
  for (const { name, size } of rows) console.log(`${name}: ${size}`);
}

/** A flush's worth of anomalies: storing them, and their texts afterwards. */
async function inserts() {
  await insert();
  const startedAt = performance.now();
  let turns = 0;
  while (await takeNextTexts(database)) turns++;
  const ms = performance.now() - startedAt;
  console.log(
    `their texts: ${((ms / turns) * (12_000 / 512)).toFixed(0)} ms for 12,000, in turns of ${(ms / turns).toFixed(0)} ms`,
  );
}

async function insert() {
  const times = [];
  for (let round = 0; round <= ROUNDS * 2; round++) {
    const anomalies = newAnomalies(12_000);
    const startedAt = performance.now();
    await database.transaction((transaction) => new AnomaliesRepository().insert(transaction, anomalies));
    times.push(performance.now() - startedAt);
  }
  const sorted = times.slice(1).sort((a, b) => a - b);
  console.log(
    `12,000 anomalies stored: ${sorted[ROUNDS].toFixed(0)} ms (${sorted[0].toFixed(0)} to ${sorted.at(-1).toFixed(0)})`,
  );
}
