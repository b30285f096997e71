import { generateMersenne32Randomizer, type Randomizer } from '@faker-js/faker';

/** Faker's Mersenne Twister, about 60 million numbers a second. */
export function seededRandom(seed: number | number[]): Randomizer {
  const random = generateMersenne32Randomizer();
  random.seed(seed);
  return random;
}

/** A whole number from min to max, both included. */
export const integer = (random: Randomizer, min: number, max: number): number =>
  min + Math.floor(random.next() * (max - min + 1));

/** A number from min to max, both included, with at most two decimals. */
export const hundredths = (random: Randomizer, min: number, max: number): number =>
  integer(random, min * 100, max * 100) / 100;

export function pick<T>(random: Randomizer, items: readonly T[]): T {
  return items[integer(random, 0, items.length - 1)] as T;
}

const scratch = Buffer.alloc(16);

/** A version 4 UUID (RFC 9562): 122 random bits. */
export function uuid(random: Randomizer): string {
  scratch.writeUInt32BE(word(random), 0);
  scratch.writeUInt32BE(((word(random) & 0xffff_0fff) | 0x0000_4000) >>> 0, 4);
  scratch.writeUInt32BE(((word(random) & 0x3fff_ffff) | 0x8000_0000) >>> 0, 8);
  scratch.writeUInt32BE(word(random), 12);
  const hex = scratch.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 32 random bits: the randomizer gives multiples of 2^-32. */
const word = (random: Randomizer): number => random.next() * 0x1_0000_0000;
