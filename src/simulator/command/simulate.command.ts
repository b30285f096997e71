import type { Config } from '../../config/config.js';
import type { Answer } from '../core/answer-key.js';
import type { Ends } from '../core/log-end.js';
import { runRules, trafficLimits } from '../core/run-rules.js';
import type { RunSummary } from '../core/run-summary.js';
import { SimulatorRun, type OpenRun } from '../simulator-run.js';
import type { RunParameters } from '../simulator.schemas.js';
import { TrafficFeed } from '../traffic-feed.js';
import { CountingPublisher } from './counting.publisher.js';
import type { Display } from './display.js';
import type { RunTarget } from './run-target.js';

const LOOK_MS = 200;

export interface CommandRun {
  readonly seed: number;
  readonly parameters: RunParameters;
  readonly paced: boolean;
}

/** What a run has come to, and the answer of it or why there is none. */
export interface CommandResult {
  readonly summary: RunSummary;
  readonly answer: { readonly answer: Answer; readonly ends: Ends } | { readonly doubt: string };
  /** Where the log ended before the run. */
  readonly first: Ends;
  /** Why it failed or what it waited for at last; null when all went well. */
  readonly lastError: string | null;
}

/** A run of the simulator without the service: the same traffic, pace and key, into a target of its own. */
export class SimulateCommand {
  private readonly publisher: CountingPublisher;
  private readonly run: SimulatorRun;
  private first: Ends = new Map();
  private began = performance.now();

  /** Begins to send. */
  constructor(
    private readonly order: CommandRun,
    private readonly config: Config,
    private readonly target: RunTarget,
    private readonly display: Display,
  ) {
    this.publisher = new CountingPublisher(target.publisher);
    this.run = new SimulatorRun(`with seed ${order.seed}`, order.parameters, {
      publisher: this.publisher,
      paced: order.paced,
      ends: () => target.ends(),
      open: () => this.open(),
    });
  }

  /** Ends it in order; resolves when what is on its way is through. */
  stop(): Promise<void> {
    return this.run.stop();
  }

  /** Resolves at the end, whatever the end. */
  async result(): Promise<CommandResult> {
    const looking = setInterval(() => {
      const { sent, eventsPerSecond } = this.run.progress();
      this.display.update({ sent, eventsPerSecond, seconds: this.seconds() });
    }, LOOK_MS);
    await this.run.ended;
    clearInterval(looking);
    const seconds = this.seconds();
    const result = this.run.result() ?? { doubt: 'it ended without knowing what the log had taken' };
    const doubt = 'doubt' in result ? result.doubt : await this.target.doubt(result.ends);
    const { status, sent, eventsPerSecond, lastError } = this.run.progress();
    const { seed, parameters } = this.order;
    return {
      summary: {
        ...{ status, sent, eventsPerSecond, seconds, seed, startTime: parameters.startTime },
        bytes: this.publisher.bytes,
        answer: 'answer' in result ? result.answer : null,
        first: this.target.topic === null ? new Map() : this.first,
      },
      answer: 'answer' in result && doubt === null ? result : { doubt: doubt ?? '' },
      first: this.first,
      lastError: lastError?.message ?? null,
    };
  }

  private async open(): Promise<OpenRun> {
    const { seed, parameters, paced } = this.order;
    const ends = (this.first = await this.target.prepare((line) => {
      this.display.note(line);
    }));
    this.began = performance.now();
    const feed = new TrafficFeed({
      traffic: { ...parameters, ...trafficLimits(runRules(this.config)), seed },
      rules: runRules(this.config),
      // Nothing came before, as far as the key knows.
      newest: [...ends.keys()].map(() => null),
      startedAt: Date.now(),
      paced,
    });
    return { feed, ends, doubt: null };
  }

  private seconds(): number {
    return (performance.now() - this.began) / 1000;
  }
}
