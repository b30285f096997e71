import type { Randomizer } from '@faker-js/faker';

/** Draws names by their weights. */
export class Weighted<T extends string> {
  /** A number below 1 falls to the first name whose bound is above it. */
  private readonly bounds: readonly (readonly [bound: number, name: T])[];
  private readonly last: T;

  /**
   * @param weights not negative, at least one of them above 0; names of weight 0 are never drawn
   * @param names all there may be, in the order that decides which of them a random number is: that of the weights' keys
   *   says nothing, a database may keep them in another one
   */
  constructor(
    weights: Readonly<Partial<Record<T, number>>>,
    names: readonly T[] = (Object.keys(weights) as T[]).sort(),
  ) {
    const entries = names
      .map((name) => [name, weights[name] ?? 0] as const)
      .filter(([, weight]) => weight > 0);
    const last = entries.at(-1);
    if (!last) throw new RangeError('No weight is above 0');
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    let sum = 0;
    this.bounds = entries.map(([name, weight]) => [(sum += weight) / total, name]);
    this.last = last[0];
  }

  pick(random: Randomizer): T {
    const drawn = random.next();
    for (const [bound, name] of this.bounds) if (drawn < bound) return name;
    // Rounding may leave the last bound below 1.
    return this.last;
  }
}
