/** What somebody else said, or that nothing was said in time. Silence is never a yes. */
export type Asked<Answer> = { readonly answered: true; readonly answer: Answer } | { readonly answered: false };

/** Waits for an answer, at most so long. `failed` hears of an answer that will not come; the caller does not. */
export async function inTime<Answer>(
  answer: Promise<Answer>,
  timeoutMs: number,
  failed: (cause: unknown) => void,
): Promise<Asked<Answer>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<Asked<Answer>>((resolve) => {
    timer = setTimeout(() => resolve({ answered: false }), timeoutMs);
  });
  const settled = answer.then(
    (given): Asked<Answer> => ({ answered: true, answer: given }),
    (cause: unknown): Asked<Answer> => {
      failed(cause);
      return { answered: false };
    },
  );
  try {
    return await Promise.race([settled, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
