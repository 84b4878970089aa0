/** What is made of a ledger that does not answer: nothing, and a line in the log. It is asked again later. */
export function withoutLedger(cause: unknown): undefined {
  console.warn({ message: "a webhook could not ask the ledger", cause: String(cause) });
}
