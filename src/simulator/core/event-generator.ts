import { base, Faker, type Randomizer } from '@faker-js/faker';
import { faultReasons, faults, type FaultReason } from './faults.js';
import { hundredths, integer, pick, seededRandom, uuid } from './random.js';
import { render, type Direction, type EventType, type TelecomEvent } from './telecom-event.js';

export interface GeneratorParameters {
  /** Whole number from 0 to 2^32 − 1. */
  readonly seed: number;
  /** Share of broken events, 0 to 1, spread evenly over the fault reasons. */
  readonly invalidRate: number;
}

/** An event ready to be published, and what the pipeline has to make of it. */
export interface GeneratedEvent {
  /** The msisdn, also where the record itself has lost it: a partition holds all events of a subscriber. */
  readonly key: string;
  /** The bytes to send; null is a tombstone. */
  readonly value: Buffer | null;
  /** The facts, before they were broken. */
  readonly event: TelecomEvent;
  readonly outcome: 'accepted' | FaultReason;
}

export const regions = ['Almaty', 'Astana', 'Pavlodar', 'Taraz'] as const;
export type Region = (typeof regions)[number];

/** A number below 1 falls to the first type whose bound is above it: 60, 25, 10 and 5 %. */
const typeBounds: readonly (readonly [bound: number, type: EventType])[] = [
  [0.6, 'data_session'],
  [0.85, 'call'],
  [0.95, 'sms'],
  [1, 'balance_recharge'],
];
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
  private readonly subscribers: Readonly<Record<Region, (Subscriber | undefined)[]>> = {
    Almaty: [],
    Astana: [],
    Pavlodar: [],
    Taraz: [],
  };

  constructor(private readonly parameters: GeneratorParameters) {
    this.random = seededRandom(parameters.seed);
    this.faultRandom = seededRandom([parameters.seed, 1]);
    this.faker = new Faker({ locale: base, randomizer: this.random });
  }

  /** @param eventTime epoch microseconds, a whole number */
  next(eventTime: number): GeneratedEvent {
    const event = this.draw(eventTime);
    const { invalidRate } = this.parameters;
    if (invalidRate > 0 && this.faultRandom.next() < invalidRate) {
      const outcome = pick(this.faultRandom, faultReasons);
      return { key: event.msisdn, value: pick(this.faultRandom, faults[outcome])(event), event, outcome };
    }
    // All ASCII, and 'latin1' is the fastest way to say so.
    const value = Buffer.from(render(event), 'latin1');
    return { key: event.msisdn, value, event, outcome: 'accepted' };
  }

  private draw(eventTime: number): TelecomEvent {
    const { random } = this;
    const eventId = uuid(random);
    const region = pick(random, regions);
    const { msisdn, cellTowerId } = this.subscriber(region);
    const type = drawType(random);
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

  private subscriber(region: Region): Subscriber {
    const known = this.subscribers[region];
    const index = integer(this.random, 0, SUBSCRIBERS_PER_REGION - 1);
    return (known[index] ??= {
      msisdn: this.faker.string.numeric({ length: 13, allowLeadingZeros: true }),
      cellTowerId: this.faker.number.int({ min: 1000, max: 9999 }),
    });
  }
}

function drawType(random: Randomizer): EventType {
  const drawn = random.next();
  for (const [bound, type] of typeBounds) if (drawn < bound) return type;
  return 'balance_recharge';
}

function drawDuration(random: Randomizer, type: EventType): number | null {
  if (type === 'call') return integer(random, 5, 599);
  return type === 'data_session' ? integer(random, 60, 3600) : null;
}
