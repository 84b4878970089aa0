/**
 * The answer, or something else when it does not come within so many milliseconds; it may still come, and nobody hears
 * of it. Fails as the answer does.
 *
 * Every wait for somebody else has an end. No timer outlives it: one that nobody waits for keeps an object awake.
 */
export function orAfter<Answer, Other>(answer: Promise<Answer>, ms: number, other: Other): Promise<Answer | Other> {
  let timer: ReturnType<typeof setTimeout>;
  const silence = new Promise<Other>((resolve) => {
    timer = setTimeout(() => resolve(other), ms);
  });
  return Promise.race([answer, silence]).finally(() => clearTimeout(timer));
}
