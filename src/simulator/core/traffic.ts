import type { Randomizer } from '@faker-js/faker';
import { EventGenerator, type GeneratedEvent, type GeneratorParameters } from './event-generator.js';
import { Intensity, type IntensityParameters } from './intensity.js';
import { integer, seededRandom } from './random.js';

export interface TrafficParameters extends GeneratorParameters, IntensityParameters {
  /** Event time at the start of the run, epoch milliseconds. */
  readonly startTime: number;
  /** Share of events that are old when they are sent, 0 to 1, and how old. */
  readonly lateRate: number;
  readonly lateSeconds: number;
  /** Each event is older than the moment in which it is sent by up to this many seconds. */
  readonly outOfOrderSeconds: number;
  /** Share of events that are sent a second time, byte for byte, a little later; 0 to 1. */
  readonly duplicateRate: number;
}

/** One record to be sent. */
export interface SentEvent extends GeneratedEvent {
  /** When it is due, milliseconds since the start of the run. */
  readonly dueAt: number;
  /** True when the very same record was sent before. */
  readonly duplicate: boolean;
}

/** A repeat comes at most this many events after its original. */
const LONGEST_REPEAT = 50;

/**
 * The records of a run, in the order in which they are sent. The same parameters give the same bytes, whatever the pace at
 * which they are taken.
 */
export class Traffic {
  private readonly generator: EventGenerator;
  private readonly intensity: Intensity;
  // Each decision has numbers of its own, so that one parameter changes nothing but what it is about.
  private readonly lateRandom: Randomizer;
  private readonly orderRandom: Randomizer;
  private readonly repeatRandom: Randomizer;
  /** Repeats to come, by the count of the event before which they are sent. */
  private readonly repeats = new Map<number, GeneratedEvent[]>();
  private count = 0;

  constructor(private readonly parameters: TrafficParameters) {
    this.generator = new EventGenerator(parameters);
    this.intensity = new Intensity(parameters.startTime, parameters);
    this.lateRandom = seededRandom([parameters.seed, 2]);
    this.orderRandom = seededRandom([parameters.seed, 3]);
    this.repeatRandom = seededRandom([parameters.seed, 4]);
  }

  next(): SentEvent {
    const dueAt = this.intensity.next();
    this.count++;
    const repeat = this.takeRepeat();
    if (repeat) return sent(repeat, dueAt, true);
    const event = this.generator.next(this.eventTime(dueAt));
    this.planRepeat(event);
    return sent(event, dueAt, false);
  }

  /** Epoch microseconds. */
  private eventTime(dueAt: number): number {
    const { lateRate, lateSeconds, outOfOrderSeconds } = this.parameters;
    let micros = Math.floor(this.intensity.eventTimeAt(dueAt) * 1000);
    if (outOfOrderSeconds > 0) micros -= Math.floor(this.orderRandom.next() * outOfOrderSeconds * 1e6);
    if (lateRate > 0 && this.lateRandom.next() < lateRate) micros -= Math.floor(lateSeconds * 1e6);
    return micros;
  }

  private planRepeat(event: GeneratedEvent): void {
    const { duplicateRate } = this.parameters;
    if (duplicateRate === 0 || this.repeatRandom.next() >= duplicateRate) return;
    const at = this.count + integer(this.repeatRandom, 1, LONGEST_REPEAT);
    const planned = this.repeats.get(at);
    if (planned) planned.push(event);
    else this.repeats.set(at, [event]);
  }

  private takeRepeat(): GeneratedEvent | null {
    const planned = this.repeats.get(this.count);
    if (!planned) return null;
    this.repeats.delete(this.count);
    const [repeat, ...rest] = planned;
    // One event at a time: what else was planned for this moment comes with the next.
    if (rest.length > 0)
      this.repeats.set(this.count + 1, [...rest, ...(this.repeats.get(this.count + 1) ?? [])]);
    return repeat ?? null;
  }
}

/** Field by field: copying an object by `...` takes longer than generating the event. */
const sent = (
  { key, value, event, fault }: GeneratedEvent,
  dueAt: number,
  duplicate: boolean,
): SentEvent => ({
  key,
  value,
  event,
  fault,
  dueAt,
  duplicate,
});
