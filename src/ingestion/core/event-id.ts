/** Parts of the hash that {@link hashEventId} made last, as signed 32-bit integers; both 0 stand for no id. */
export let idHigh = 0;
export let idLow = 0;

/**
 * Hashes an event's id to 64 bits: two lanes of MurmurHash3 (x86, 128 bit) by Austin Appleby, public domain
 * (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp), in the order of bytes of any machine.
 * Of n ids, about n² / 2^65 pairs share a hash by chance: one in four million for three million ids.
 * Leaves its answer in {@link idHigh} and {@link idLow}, since an object for each event costs more than the hash.
 */
export function hashEventId(bytes: Uint8Array, start: number, end: number): void {
  let high = end - start;
  let low = high;
  if (high === 0) {
    idHigh = idLow = 0;
    return;
  }
  for (let at = start; at < end; at += 4) {
    // Behind the end there is nothing, not the next bytes of the record.
    const word =
      at + 4 <= end
        ? byteAt(bytes, at) |
          (byteAt(bytes, at + 1) << 8) |
          (byteAt(bytes, at + 2) << 16) |
          (byteAt(bytes, at + 3) << 24)
        : lastWord(bytes, at, end);
    const first = Math.imul(word, 0x239b961b);
    high ^= Math.imul((first << 15) | (first >>> 17), 0xab0e9789 | 0);
    high = (Math.imul((high << 19) | (high >>> 13), 5) + 0x561ccd1b + low) | 0;
    const second = Math.imul(word, 0xab0e9789 | 0);
    low ^= Math.imul((second << 16) | (second >>> 16), 0x38b34ae5);
    low = (Math.imul((low << 17) | (low >>> 15), 5) + 0x0bcaa747 + high) | 0;
  }
  high = (high + low) | 0;
  low = (low + high) | 0;
  high = avalanche(high);
  low = avalanche(low);
  high = (high + low) | 0;
  low = (low + high) | 0;
  idHigh = high;
  idLow = high === 0 && low === 0 ? 1 : low;
}

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

function lastWord(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let shift = 0; at < end; at++, shift += 8) word |= byteAt(bytes, at) << shift;
  return word;
}

/** Every bit of the answer depends on every bit of the lane. */
function avalanche(lane: number): number {
  lane = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b | 0);
  lane = Math.imul(lane ^ (lane >>> 13), 0xc2b2ae35 | 0);
  return lane ^ (lane >>> 16);
}
