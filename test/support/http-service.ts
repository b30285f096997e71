import { createTestDatabase, type TestDatabase } from './database.js';
import { createHttpApp, type Answer, type HttpApp } from './http-app.js';

/** A service with a database of its own, asked over HTTP. */
export class HttpService {
  database!: TestDatabase;
  http!: HttpApp;
  private env: Record<string, string> = {};

  /** @param now an instant at which the clock of its batch stands still; it goes with the real one otherwise */
  constructor(private readonly now?: string) {}

  /** @param paused whether its batch is: then nothing happens but what the test asks for */
  async start(env: Record<string, string> = {}, { paused = true } = {}): Promise<void> {
    this.env = env;
    this.database = await createTestDatabase();
    // Before the service is there: its first round comes right after the start.
    if (paused) await this.sql(`UPDATE batch_control SET paused_at = now()`);
    this.http = await this.another();
  }

  async stop(): Promise<void> {
    await this.http.close();
    await this.database.drop();
  }

  async restart(): Promise<void> {
    await this.http.close();
    this.http = await this.another();
  }

  /** One more replica on its database, to be closed by whoever asks for it. */
  another(): Promise<HttpApp> {
    return createHttpApp({ url: this.database.url, now: this.now, env: this.env });
  }

  readonly sql = <T>(statement: string, values: unknown[] = []): Promise<T[]> =>
    this.database.dataSource.query(statement, values);

  /** With a body as JSON, or without one. */
  readonly post = (path: string, body?: unknown): Promise<Answer> =>
    this.http.post(path, body === undefined ? undefined : JSON.stringify(body));
}
