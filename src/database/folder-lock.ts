import type pg from 'pg';

/** Advisory lock in the database `postgres`, held for as long as somebody uses the data folder. */
const FOLDER_LOCK = 7_401_001;

/** Who uses a data folder; the holder of its lock says so as application_name. */
export type FolderRole = 'service' | 'command';

export const applicationName = (role: FolderRole): string => `telecom-${role}`;

/** Who has the folder of this server now; `unknown` when that is about to change. */
export async function lockFolder(client: pg.Client): Promise<'me' | FolderRole | 'unknown'> {
  try {
    const locked = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${FOLDER_LOCK}) AS locked`,
    );
    if (locked.rows[0]?.locked) return 'me';
    const holder = await client.query<{ application_name: string }>(
      `SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND objid = ${FOLDER_LOCK} AND granted`,
    );
    const name = holder.rows[0]?.application_name;
    if (name === undefined) return 'unknown';
    return name === applicationName('command') ? 'command' : 'service';
  } catch {
    return 'unknown'; // the command that had the folder stops the server
  }
}
