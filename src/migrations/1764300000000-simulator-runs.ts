import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The simulator's runs, of all replicas. */
export class SimulatorRuns1764300000000 implements MigrationInterface {
  name = 'SimulatorRuns1764300000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE simulator_runs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        seed bigint NOT NULL,
        parameters jsonb NOT NULL,
        status varchar(20) NOT NULL DEFAULT 'running'
          CHECK (status IN ('running', 'paused', 'finished', 'stopped', 'failed', 'interrupted')),
        -- What another replica wants of the one that has the run.
        request varchar(10) CHECK (request IN ('stop', 'pause', 'resume')),
        sent bigint NOT NULL DEFAULT 0,
        events_per_second double precision NOT NULL DEFAULT 0,
        last_error_at timestamptz,
        last_error text,
        owner varchar(255) NOT NULL,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz
      )`);
    // One run at a time; the advisory lock of its owner keeps others off, this is the second bolt.
    await db.query(
      `CREATE UNIQUE INDEX simulator_runs_open ON simulator_runs ((true)) WHERE status IN ('running', 'paused')`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE simulator_runs`);
  }
}
