import type { Config, Env } from "../env.ts";
import { DAY_MS, type EpochMs } from "../key/time.ts";
import { forgetArrivals as forget } from "../ledger/stream.ts";

/** How long the order of arrival is kept, in milliseconds: a webhook that was disabled for longer misses what is older. */
const KEPT_MS = 30 * DAY_MS;

/** Forgets in which order events arrived that every webhook has read long ago. */
export const forgetArrivals = (env: Env, _config: Config, now: EpochMs): Promise<void> => forget(env.DB, now - KEPT_MS);
