import { base, Faker, type Randomizer } from '@faker-js/faker';
import { defaultWeights } from './default-weights.js';
import {
  faults,
  invalidReasons,
  TOO_LATE_MARGIN_SECONDS,
  type FaultReason,
  type InvalidReason,
} from './faults.js';
import { hundredths, integer, pick, seededRandom, uuid } from './random.js';
import { eventTypes, render, type Direction, type EventType, type TelecomEvent } from './telecom-event.js';
import { Weighted } from './weighted.js';

export interface GeneratorParameters {
  /** Whole number from 0 to 2^32 − 1. */
  readonly seed: number;
  /** Share of broken events, 0 to 1, by `invalidWeights`. */
  readonly invalidRate: number;
  /** Share of whole events with a time that lies ahead, 0 to 1, beside those that `invalidRate` breaks. */
  readonly futureRate: number;
  readonly typeWeights: Readonly<Partial<Record<EventType, number>>>;
  readonly regionWeights: Readonly<Record<string, number>>;
  readonly invalidWeights: Readonly<Partial<Record<InvalidReason, number>>>;
  /** Larger records are `oversized` to the pipeline. 1 MiB when left out. */
  readonly maxEventBytes?: number;
  /** Events that are older than the newest one of their partition by more are `too_late`. 7 days when left out. */
  readonly maxLatenessSeconds?: number;
  /** Runs of the same seed with other variants differ in their event ids, and in nothing else. 0 when left out. */
  readonly idVariant?: number;
}

/** An event ready to be published, and what is wrong with it. */
export interface GeneratedEvent {
  /** The msisdn, also where the record itself has lost it: a partition holds all events of a subscriber. */
  readonly key: string;
  /** The bytes to send; null is a tombstone. */
  readonly value: Buffer | null;
  /** The facts, before they were broken; with the time that is written, also where that was moved to be too late. */
  readonly event: TelecomEvent;
  /**
   * How it was broken; null when its content is whole. Whether an event comes too late is no part of it: that depends on
   * what is before it in the log.
   */
  readonly fault: FaultReason | null;
}

const defaults = {
  invalidRate: 0,
  futureRate: 0,
  ...defaultWeights,
  maxEventBytes: 1_048_576,
  maxLatenessSeconds: 7 * 86_400,
  idVariant: 0,
};

const directions: readonly Direction[] = ['incoming', 'outgoing'];
const SUBSCRIBERS_PER_REGION = 2500;

interface Subscriber {
  readonly msisdn: string;
  readonly cellTowerId: number;
}

/**
 * A seeded source of telecom events: the same seed, parameters and times give the same bytes.
 *
 * Faker invents the subscribers, each when first drawn. It takes microseconds a value, too long for every field of every
 * event, so those are drawn from its Mersenne Twister directly.
 */
export class EventGenerator {
  private readonly random: Randomizer;
  /** Of its own, so that invalidRate decides which events are broken and changes nothing else. */
  private readonly faultRandom: Randomizer;
  private readonly faker: Faker;
  private readonly types: Weighted<EventType>;
  private readonly regions: Weighted<string>;
  private readonly reasons: Weighted<InvalidReason>;
  private readonly subscribers = new Map<string, (Subscriber | undefined)[]>();

  private readonly parameters: Required<GeneratorParameters>;
  private readonly tooLateMicros: number;

  /** @param given what is left out has its default */
  constructor(given: Pick<GeneratorParameters, 'seed'> & Partial<GeneratorParameters>) {
    const parameters = (this.parameters = { ...defaults, ...given });
    this.types = new Weighted(parameters.typeWeights, eventTypes);
    this.regions = new Weighted(parameters.regionWeights);
    this.reasons = new Weighted(parameters.invalidWeights, invalidReasons);
    this.tooLateMicros = Math.round((parameters.maxLatenessSeconds + TOO_LATE_MARGIN_SECONDS) * 1e6);
    this.random = seededRandom(parameters.seed);
    this.faultRandom = seededRandom([parameters.seed, 1]);
    this.faker = new Faker({ locale: base, randomizer: this.random });
  }

  /** @param eventTime epoch microseconds, a whole number */
  next(eventTime: number): GeneratedEvent {
    const reason = this.drawReason();
    if (reason === null) return whole(this.draw(eventTime));
    if (reason === 'too_late') return whole(this.draw(eventTime - this.tooLateMicros));
    const event = this.draw(eventTime);
    const value = pick(this.faultRandom, faults[reason])(event, this.parameters.maxEventBytes);
    return { key: event.msisdn, value, event, fault: reason };
  }

  private drawReason(): InvalidReason | null {
    const { invalidRate, futureRate } = this.parameters;
    if (invalidRate > 0 && this.faultRandom.next() < invalidRate) return this.reasons.pick(this.faultRandom);
    return futureRate > 0 && this.faultRandom.next() < futureRate ? 'future_timestamp' : null;
  }

  private draw(eventTime: number): TelecomEvent {
    const { random } = this;
    const eventId = uuid(random, this.parameters.idVariant);
    const region = this.regions.pick(random);
    const { msisdn, cellTowerId } = this.subscriber(region);
    const type = this.types.pick(random);
    return {
      eventId,
      msisdn,
      region,
      cellTowerId,
      eventTime,
      type,
      subtype: type === 'call' || type === 'sms' ? pick(random, directions) : null,
      durationSeconds: drawDuration(random, type),
      dataMb: type === 'data_session' ? hundredths(random, 5, 500) : null,
      amount: type === 'balance_recharge' ? hundredths(random, 100, 1000) : null,
    };
  }

  private subscriber(region: string): Subscriber {
    let known = this.subscribers.get(region);
    if (!known) this.subscribers.set(region, (known = []));
    const index = integer(this.random, 0, SUBSCRIBERS_PER_REGION - 1);
    return (known[index] ??= {
      msisdn: this.faker.string.numeric({ length: 13, allowLeadingZeros: true }),
      cellTowerId: this.faker.number.int({ min: 1000, max: 9999 }),
    });
  }
}

const whole = (event: TelecomEvent): GeneratedEvent => ({
  key: event.msisdn,
  value: Buffer.from(render(event)),
  event,
  fault: null,
});

function drawDuration(random: Randomizer, type: EventType): number | null {
  if (type === 'call') return integer(random, 5, 599);
  return type === 'data_session' ? integer(random, 60, 3600) : null;
}
