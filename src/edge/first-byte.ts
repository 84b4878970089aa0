/** What came of waiting for the first byte of an answer. */
export type FirstByte =
  | { readonly arrived: true; readonly response: Response }
  | {
      readonly arrived: false;
      /** The origin was silent, or could not be reached, the client's own body broke off, or the exchange was cut. */
      readonly because: "timeout" | "unreachable" | "body-broken" | "cut";
      readonly cause: unknown;
    };

/**
 * Fetches with a limit on the wait between the last byte of the request and the first of the answer. Neither a long
 * upload nor a long download is cut: only silence is. A body that breaks off takes the fetch with it.
 *
 * @param sent fulfils when the request's body has been read to its end, rejects if it breaks off; `null`: no body.
 * @param ending ends the fetch, and the answer too once it has begun, when the exchange must end.
 */
export async function awaitFirstByte(
  timeoutMs: number,
  sent: Promise<void> | null,
  fetching: (signal: AbortSignal) => Promise<Response>,
  ending = new AbortController(),
): Promise<FirstByte> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = true;
  let because: Exclude<Extract<FirstByte, { arrived: false }>["because"], "unreachable"> = "cut";
  const stop = (why: typeof because, cause: unknown) => {
    // Once the answer has begun it is the origin's to end: an origin may well answer before it has read everything.
    if (!waiting) return;
    because = why;
    ending.abort(cause);
  };
  const startClock = () => {
    if (waiting) timer = setTimeout(() => stop("timeout", new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  };
  if (sent === null) startClock();
  else void sent.then(startClock, (cause: unknown) => stop("body-broken", cause));
  try {
    return { arrived: true, response: await fetching(ending.signal) };
  } catch (cause) {
    return { arrived: false, because: ending.signal.aborted ? because : "unreachable", cause };
  } finally {
    waiting = false;
    clearTimeout(timer);
  }
}
