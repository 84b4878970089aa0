import type { Config, Env } from "../env.ts";
import type { EpochMs } from "../key/time.ts";
import { wakeWebhooks as wake } from "../webhook-object/wake.ts";

/** How far back events are looked for whose webhooks may not have been woken, in milliseconds: runs fail, or come late. */
const SINCE_MS = 5 * 60_000;
/** How many webhooks one run wakes: the platform bounds the calls of an invocation. */
const AT_ONCE = 500;

/** Tells webhooks that there is something to read: whatever happened without a control call, and what one could not. */
export const wakeWebhooks = (env: Env, _config: Config, now: EpochMs): Promise<void> =>
  wake(env, now - SINCE_MS, AT_ONCE);
