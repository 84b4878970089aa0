/** What came of waiting for the first byte of an answer. */
export type FirstByte =
  | { readonly arrived: true; readonly response: Response }
  | { readonly arrived: false; readonly because: "timeout" | "unreachable"; readonly cause: unknown };

/**
 * Fetches with a limit on the wait between the last byte of the request and the first of the answer. Neither a long
 * upload nor a long download is cut: only silence is.
 *
 * @param sent settles when the request's body is sent (or given up); `null` if there is none.
 */
export async function awaitFirstByte(
  timeoutMs: number,
  sent: Promise<unknown> | null,
  fetching: (signal: AbortSignal) => Promise<Response>,
): Promise<FirstByte> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = true;
  const startClock = () => {
    if (waiting) timer = setTimeout(() => controller.abort(), timeoutMs);
  };
  if (sent === null) startClock();
  else void sent.then(startClock, startClock);
  try {
    return { arrived: true, response: await fetching(controller.signal) };
  } catch (cause) {
    return { arrived: false, because: controller.signal.aborted ? "timeout" : "unreachable", cause };
  } finally {
    waiting = false;
    clearTimeout(timer);
  }
}
