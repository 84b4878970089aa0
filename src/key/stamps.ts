import type { EpochMs } from "./time.ts";

/** When something was seen, oldest first; only as many of the newest as somebody asks about. */
export type Stamps = readonly EpochMs[];

/** With one more, and without those that are beyond `most`. */
export const stamped = (stamps: Stamps, now: EpochMs, most: number): Stamps => [...stamps, now].slice(-most);

/** Whether the newest `threshold` lie in one half-open span of `withinSeconds` that ends now. */
export function isReached(
  stamps: Stamps,
  { threshold, withinSeconds }: { readonly threshold: number; readonly withinSeconds: number },
  now: EpochMs,
): boolean {
  const first = stamps.at(-threshold);
  return first !== undefined && now - first < withinSeconds * 1000;
}
