import type { EventEmitter } from 'node:events';
import { SessionLock } from '../../../src/database/session-lock.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('a session lock', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase({ migrated: false });
    await database.dataSource.initialize();
  });
  afterEach(() => database.drop());

  /** Of the connection that the pool hands out next. */
  async function listeners(): Promise<number> {
    const connection = database.dataSource.createQueryRunner();
    const client = (await connection.connect()) as EventEmitter;
    const count = client.listenerCount('error') + client.listenerCount('end');
    await connection.release();
    return count;
  }

  it('leaves nothing behind on connections, however often it is asked for in vain', async () => {
    const [mine, theirs] = [new SessionLock(database.dataSource, 1), new SessionLock(database.dataSource, 1)];
    expect(await theirs.acquire()).toBe(true);
    expect(await mine.acquire()).toBe(false);
    const before = await listeners();
    for (let i = 0; i < 20; i++) expect(await mine.acquire()).toBe(false);
    expect(await listeners()).toBe(before);

    await theirs.release();
    expect(await mine.acquire()).toBe(true);
    expect([mine.isHeld(), theirs.isHeld()]).toEqual([true, false]);
    await mine.release();
    expect(await listeners()).toBe(before);
  });
});
