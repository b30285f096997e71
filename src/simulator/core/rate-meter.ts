/** The finest distance of two samples, in milliseconds: bounds what a meter keeps, whatever the number of batches. */
const RESOLUTION = 250;

/** Measures events per second. Instants are milliseconds of any one clock that is not set back. */
export class RateMeter {
  private readonly samples: { readonly time: number; readonly total: number }[];
  private total = 0;

  /** @param window milliseconds */
  constructor(
    private readonly start: number,
    private readonly window: number,
  ) {
    this.samples = [{ time: start, total: 0 }];
  }

  /** Notes that the count has come to this total. */
  record(now: number, total: number): void {
    this.total = total;
    const newest = this.samples.at(-1);
    if (newest && now - newest.time >= RESOLUTION) this.samples.push({ time: now, total });
    this.forget(now);
  }

  /** Since the start. */
  mean(now: number): number {
    return perSecond(this.total, now - this.start);
  }

  /** Over the window. */
  rate(now: number): number {
    this.forget(now);
    const [oldest] = this.samples;
    return oldest ? perSecond(this.total - oldest.total, now - oldest.time) : 0;
  }

  /** Keeps one sample at or before the start of the window, to count from. */
  private forget(now: number): void {
    while ((this.samples[1]?.time ?? Number.POSITIVE_INFINITY) <= now - this.window) this.samples.shift();
  }
}

const perSecond = (events: number, milliseconds: number): number =>
  milliseconds > 0 ? (events * 1000) / milliseconds : 0;
