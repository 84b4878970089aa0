import { orAfter } from "../or-after.ts";

/** How long the ledger may be silent before it counts as down, in milliseconds. */
export const LEDGER_TIMEOUT_MS = 3_000;

/** The ledger failed or kept silent. Whether a write took effect is not known; every write may be repeated. */
export class LedgerUnavailable extends Error {
  override readonly name = "LedgerUnavailable";
}

/** Whether the ledger has answered, and that it will not; or nobody had a way to it. */
export const isRefusal = (failure: unknown): boolean =>
  failure instanceof LedgerUnavailable && failure.cause !== undefined;

/**
 * Waits for the ledger, but not for ever.
 *
 * Whatever goes wrong becomes the one error that callers can act on. The cause is kept for the log only.
 */
export async function fromLedger<Answer>(
  answer: Promise<Answer>,
  timeoutMs: number = LEDGER_TIMEOUT_MS,
): Promise<Answer> {
  const given = await orAfter(answer, timeoutMs, SILENCE).catch((cause: unknown) => {
    throw new LedgerUnavailable(`the ledger failed: ${String(cause)}`, { cause });
  });
  if (given === SILENCE) throw new LedgerUnavailable(`the ledger kept silent for ${timeoutMs} ms`);
  return given;
}

const SILENCE = Symbol("silence");
