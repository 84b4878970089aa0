/** What somebody else said, or that nothing was said in time. Silence is never a yes. */
export type Asked<Answer> = { readonly answered: true; readonly answer: Answer } | { readonly answered: false };

/**
 * Waits for an answer, at most so long. `failed` hears of an answer that will not come; the caller does not.
 *
 * One promise and no race, because every request pays for it.
 */
export function inTime<Answer>(
  answer: Promise<Answer>,
  timeoutMs: number,
  failed: (cause: unknown) => void,
): Promise<Asked<Answer>> {
  return new Promise((resolve) => {
    const settle = (asked: Asked<Answer>) => {
      clearTimeout(deadline);
      resolve(asked);
    };
    const deadline = setTimeout(settle, timeoutMs, { answered: false });
    answer.then(
      (given) => settle({ answered: true, answer: given }),
      (cause: unknown) => {
        failed(cause);
        settle({ answered: false });
      },
    );
  });
}
