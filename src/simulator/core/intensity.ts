/** A burst at the beginning of every period: that many times the traffic, for that long. Seconds of the run. */
export interface Bursts {
  readonly everySeconds: number;
  readonly durationSeconds: number;
  readonly factor: number;
}

/** How the traffic changes over a run. */
export interface IntensityParameters {
  /** Mean over a day, without bursts. */
  readonly eventsPerSecond: number;
  /** Seconds of event time in a second of the run. */
  readonly timeScale: number;
  readonly diurnal: boolean;
  readonly bursts: Bursts | null;
}

const HOUR_MS = 3_600_000;
/** Hour of the day, in UTC, with the least traffic: a quarter of the mean; twelve hours later it is seven quarters. */
const QUIET_HOUR = 4;
const SWING = 0.75;
/** Least traffic of a day, as a multiple of its mean. */
export const QUIETEST = 1 - SWING;

/** Traffic at this time of the day as a multiple of the mean of the day, which is 1. @param eventTime epoch milliseconds */
export const diurnalCurve = (eventTime: number): number =>
  1 - SWING * Math.cos((2 * Math.PI * (eventTime / HOUR_MS - QUIET_HOUR)) / 24);

/**
 * When events are due, one after the other: the next comes after the time that the traffic of the moment puts between two.
 * A pure function of the parameters, so that a run can be repeated.
 */
export class Intensity {
  private elapsed = 0;

  /** @param startTime event time at the start of the run, epoch milliseconds */
  constructor(
    private readonly startTime: number,
    private readonly parameters: IntensityParameters,
  ) {}

  /** When the next event is due, in milliseconds since the start of the run. */
  next(): number {
    this.elapsed += 1000 / (this.parameters.eventsPerSecond * this.factor());
    return this.elapsed;
  }

  /** Event time at a moment of the run, epoch milliseconds with a fraction. */
  eventTimeAt(elapsed: number): number {
    return this.startTime + elapsed * this.parameters.timeScale;
  }

  private factor(): number {
    const { diurnal, bursts } = this.parameters;
    const curve = diurnal ? diurnalCurve(this.eventTimeAt(this.elapsed)) : 1;
    if (bursts === null) return curve;
    const intoPeriod = (this.elapsed / 1000) % bursts.everySeconds;
    return intoPeriod < bursts.durationSeconds ? curve * bursts.factor : curve;
  }
}
