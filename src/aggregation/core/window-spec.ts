/** A tumbling window: half-open `[start, end)`, aligned to the epoch in UTC. Instants are epoch milliseconds. */
export class WindowSpec {
  constructor(
    readonly metricType: string,
    /** Length in milliseconds; a whole number of seconds that divides a day, so that days are made of whole windows. */
    readonly sizeMs: number,
  ) {
    if (!(Number.isInteger(sizeMs) && sizeMs > 0 && sizeMs % 1000 === 0 && 86_400_000 % sizeMs === 0))
      throw new RangeError(`A window of ${sizeMs} ms does not divide a day into whole seconds`);
    if (metricType.length === 0 || metricType.length > 50)
      throw new RangeError('A metric type has 1 to 50 characters');
  }

  /** Start of the window that holds the instant. */
  startOf(instant: number): number {
    const intoWindow = instant % this.sizeMs;
    return instant - (intoWindow < 0 ? intoWindow + this.sizeMs : intoWindow);
  }

  /** First instant after the window that begins at `start`. */
  endOf(start: number): number {
    return start + this.sizeMs;
  }
}

/** Keyed by event type, with the subtype where there is one: `call_incoming`. */
export const EVENT_TYPE_WINDOWS = new WindowSpec('event_type_agg', 300_000);

/** Keyed by region. */
export const REGION_WINDOWS = new WindowSpec('region_agg', 600_000);
