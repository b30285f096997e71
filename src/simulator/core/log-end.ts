/** Ends of the log's partitions by their number: Kafka's high watermarks. */
export type Ends = ReadonlyMap<number, bigint>;

/**
 * Where the log must end after what a run has sent, when nobody else writes to it. It tells what became of a batch whose
 * answer was lost: sent again as a whole, what the log did take of it would be there twice.
 */
export class LogEnd {
  private readonly expected: Map<number, bigint>;

  constructor(ends: Ends) {
    this.expected = new Map(ends);
  }

  get ends(): Ends {
    return this.expected;
  }

  /** These are in the log now. */
  advance(events: readonly { readonly partition: number }[]): void {
    for (const { partition } of events)
      this.expected.set(partition, (this.expected.get(partition) ?? 0n) + 1n);
  }

  /**
   * The events that are not in the log yet, of a batch of which it may have taken some: those of one partition in their order.
   * Where it has come on by more than the batch others write to it, and nothing can be told: then all of them.
   * @param actual where the log ends
   */
  missing<Event extends { readonly partition: number }>(events: readonly Event[], actual: Ends): Event[] {
    const sizes = new Map<number, number>();
    for (const { partition } of events) sizes.set(partition, (sizes.get(partition) ?? 0) + 1);
    const taken = new Map<number, number>();
    for (const [partition, size] of sizes) {
      const gained = Number((actual.get(partition) ?? 0n) - (this.expected.get(partition) ?? 0n));
      taken.set(partition, gained > size ? 0 : gained);
    }
    return events.filter(({ partition }) => {
      const left = taken.get(partition) ?? 0;
      taken.set(partition, left - 1);
      return left <= 0;
    });
  }
}
