/**
 * Repeatable chance: the same seed, the same throws. Good enough to shuffle schedules, and for nothing else.
 * Source: mulberry32, a 32-bit generator in the public domain.
 */
export function dice(seed: number) {
  let state = seed >>> 0;
  const throwOnce = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** A whole number from 0 to `bound` - 1. */
    below: (bound: number): number => Math.floor(throwOnce() * bound),
    /** One of the choices; name one twice to make it likelier. */
    pick: <const T>(choices: readonly T[]): T => choices[Math.floor(throwOnce() * choices.length)]!,
    /** True once in `times`. */
    onceIn: (times: number): boolean => throwOnce() * times < 1,
  };
}

export type Dice = ReturnType<typeof dice>;
