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

const digits = '0123456789abcdef';
const scratch = Buffer.from('xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx');

/**
 * A version 4 UUID (RFC 9562): 122 random bits.
 * @param variant whole number below 2^32; with others the same random bits give other ids
 */
export function uuid(random: Randomizer, variant = 0): string {
  const first = word(random);
  const second = (word(random) & 0xffff_0fff) | 0x0000_4000;
  const third = (word(random) & 0x3fff_ffff) | 0x8000_0000;
  const fourth = word(random) ^ variant;
  // Digit by digit: a text of slices costs twice as much, here and again where it is written.
  writeHex(first, 0, 8);
  writeHex(second >>> 16, 9, 4);
  writeHex(second, 14, 4);
  writeHex(third >>> 16, 19, 4);
  writeHex(third, 24, 4);
  writeHex(fourth, 28, 8);
  return scratch.toString('latin1');
}

/** The last digits of a number, into the scratch buffer. */
function writeHex(number: number, start: number, length: number): void {
  for (let at = start + length - 1, rest = number; at >= start; at--, rest >>>= 4)
    scratch[at] = digits.charCodeAt(rest & 0xf);
}

/** 32 random bits: the randomizer gives multiples of 2^-32. */
const word = (random: Randomizer): number => random.next() * 0x1_0000_0000;
