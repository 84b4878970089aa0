/**
 * SHA-256 (FIPS 180-4 section 6.2) of short messages, synchronously and without leaving JavaScript.
 *
 * Why there is own code for it: docs/decisions/0010-own-sha256.md. Every operation is on whole 32-bit words, no index
 * and no branch depends on a message's content, only on its length.
 */

/** The state of a hash between two blocks: eight 32-bit words. What `node:crypto` cannot give: where to go on from. */
export type Midstate = Int32Array;

export const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

// prettier-ignore
const START: Midstate = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

// prettier-ignore
const K = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

// One of each is enough: nothing here waits, so no two hashes are ever under way at once.
const schedule = new Int32Array(64);
const lastBlocks = new Uint8Array(2 * BLOCK_BYTES);
const lastLength = new DataView(lastBlocks.buffer);

/** The state after one whole block, for whoever hashes many messages that begin with it. */
export function midstateAfter(block: Uint8Array): Midstate {
  const state = START.slice();
  compress(state, block, 0);
  return state;
}

/**
 * The hash of a message.
 * @param after where to go on from: the message then begins behind the one block that this state has seen.
 */
export function sha256(message: Uint8Array, after: Midstate | null = null): Uint8Array<ArrayBuffer> {
  const state = (after ?? START).slice();
  const whole = message.length - (message.length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) compress(state, message, at);

  // What is left, a one bit, zeros, and the length in bits: one block, or two where the length has no room (5.1.1).
  const rest = message.length - whole;
  const end = rest < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  const bits = (message.length + (after === null ? 0 : BLOCK_BYTES)) * 8;
  for (let at = 0; at < rest; at++) lastBlocks[at] = message[whole + at]!;
  lastBlocks[rest] = 0x80;
  lastBlocks.fill(0, rest + 1, end - 8);
  lastLength.setUint32(end - 8, bits / 2 ** 32);
  lastLength.setUint32(end - 4, bits);
  for (let at = 0; at < end; at += BLOCK_BYTES) compress(state, lastBlocks, at);

  const hash = new Uint8Array(HASH_BYTES);
  for (let at = 0; at < HASH_BYTES; at++) hash[at] = state[at >> 2]! >>> (24 - 8 * (at & 3));
  return hash;
}

/** Takes the 64 bytes at `at` into the state (section 6.2.2). Names as in the standard. */
function compress(state: Midstate, bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let t = 0; t < 16; t++) {
    const first = at + 4 * t;
    w[t] = (bytes[first]! << 24) | (bytes[first + 1]! << 16) | (bytes[first + 2]! << 8) | bytes[first + 3]!;
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15]!;
    const y = w[t - 2]!;
    const sigma0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const sigma1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = w[t - 16]! + sigma0 + w[t - 7]! + sigma1;
  }

  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + sum1 + choice + K[t]! + w[t]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + sum0 + majority) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
