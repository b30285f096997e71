import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the pipeline must have made of the simulator's runs. */
export class AnswerKeys1764400000000 implements MigrationInterface {
  name = 'AnswerKeys1764400000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE simulator_runs
        -- As they were when the run began: the answer depends on them.
        ADD COLUMN rules jsonb,
        -- Windows that begin before this instant are none of the run's.
        ADD COLUMN earliest timestamptz,
        -- Why what the windows hold cannot be compared with the answer.
        ADD COLUMN not_verifiable text`);
    await db.query(`
      CREATE TABLE simulator_run_partitions (
        run_id bigint NOT NULL REFERENCES simulator_runs ON DELETE CASCADE,
        topic varchar(249) NOT NULL,
        partition integer NOT NULL,
        incarnation integer NOT NULL,
        -- Where the log ended, and its checkpoint stood, when the run began; the rest of the checkpoint at that moment.
        first_offset bigint NOT NULL,
        newest_event_time timestamptz,
        ledger_before jsonb NOT NULL,
        -- Null until the run has ended.
        end_offset bigint,
        answer jsonb,
        PRIMARY KEY (run_id, partition)
      )`);
    // What windows held when the run began, and what it adds to them.
    for (const table of ['simulator_run_baseline', 'simulator_run_windows'])
      await db.query(`
        CREATE TABLE ${table} (
          run_id bigint NOT NULL REFERENCES simulator_runs ON DELETE CASCADE,
          metric_type varchar(50) COLLATE "C" NOT NULL,
          metric_key varchar(100) COLLATE "C" NOT NULL,
          window_start timestamptz NOT NULL,
          event_count bigint NOT NULL,
          late_events bigint NOT NULL,
          sum_micros numeric(38, 0) NOT NULL,
          PRIMARY KEY (run_id, metric_type, metric_key, window_start)
        )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE simulator_run_baseline, simulator_run_windows, simulator_run_partitions`);
    await db.query(
      `ALTER TABLE simulator_runs DROP COLUMN rules, DROP COLUMN earliest, DROP COLUMN not_verifiable`,
    );
  }
}
