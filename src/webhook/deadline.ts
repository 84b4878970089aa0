/**
 * Does something that a signal can end, and ends it after so many milliseconds with a `TimeoutError`.
 *
 * Not `AbortSignal.timeout`: its timer would go on when the work is done, and keep the object awake.
 */
export async function withDeadline<Value>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("it took too long", "TimeoutError")), timeoutMs);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
