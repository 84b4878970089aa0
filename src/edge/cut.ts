import { CODE_OF_REASON } from "../http/codes.ts";
import type { Reason } from "../key/refusal.ts";

/** Why an exchange is cut: what its key's object said, or that nobody could be asked. */
export type CutReason = Reason | "unasked";

/** What ends an exchange whose key has ended. */
export class Cut extends Error {
  /** The code a refusal would have: the reason in a WebSocket's close. */
  readonly code: string;
  /**
   * The runtime takes it for a lost connection, which it is to both ends, and not for a fault of this Worker. Without
   * it each answer that is cut would be an uncaught exception in the log.
   */
  readonly retryable = true;

  constructor(because: CutReason) {
    // An object of the release before says it in other words.
    const code = because === "unasked" ? "unavailable" : (CODE_OF_REASON[because] ?? "invalid-key");
    super(`the exchange was cut: ${code}`);
    this.code = code;
  }
}
