import { open, unlink, type FileHandle } from 'node:fs/promises';
import type { Config } from '../../config/config.js';
import { StartupError } from '../../config/startup-error.js';
import type { Answer } from '../core/answer-key.js';
import { expectedOf, locatedAnswer } from '../core/expected.js';
import type { Ends } from '../core/log-end.js';
import { runRules } from '../core/run-rules.js';
import type { CommandRun } from './simulate.command.js';

/** The file of an answer key. It is opened before the run, which may take long, and empty until that has ended. */
export class KeyFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws StartupError */
  static async open(path: string): Promise<KeyFile> {
    try {
      return new KeyFile(path, await open(path, 'w'));
    } catch (cause) {
      throw new StartupError(`--expected cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  async write(key: object): Promise<void> {
    await this.file.writeFile(`${JSON.stringify(key, null, 2)}\n`);
    await this.file.close();
  }

  /** An empty file, or the key of an earlier run, would be taken for this one's. */
  async discard(): Promise<void> {
    const isFile = (await this.file.stat()).isFile();
    await this.file.close();
    if (isFile) await unlink(this.path);
  }
}

/** What GET /simulator/runs/{id}/expected answers, of a run without an id; without a log there are no offsets. */
export function keyOf(
  { seed, parameters }: CommandRun,
  config: Config,
  topic: string | null,
  { answer, first, ends }: { readonly answer: Answer; readonly first: Ends; readonly ends: Ends },
): object {
  const run = {
    seed,
    parameters: { ...parameters, startTime: new Date(parameters.startTime).toISOString() },
  };
  const rules = runRules(config);
  if (topic === null) return { ...run, ...expectedOf(rules, answer.partitions, answer.windows) };
  const located = answer.partitions.map((each) =>
    locatedAnswer(each, first.get(each.partition) ?? 0n, ends.get(each.partition) ?? 0n),
  );
  return { topic, ...run, ...expectedOf(rules, located, answer.windows) };
}
