import type { Config, Env } from "../env.ts";
import type { KeyRpc } from "../key-object/rpc.ts";
import type { KeyId } from "../key/credential.ts";
import { inTime, type Asked } from "./in-time.ts";

/**
 * Asks a key's object one question and waits at most the configured time for the answer.
 *
 * Never asks twice: the platform itself repeats calls that were not delivered, and a call that was delivered may have
 * been counted even though its answer was lost.
 *
 * @param region where the object should live; only heeded by the first call that ever reaches it.
 */
export function askKey<Answer>(
  env: Env,
  config: Config,
  keyId: KeyId,
  question: (key: KeyRpc) => Promise<Answer>,
  region?: DurableObjectLocationHint,
): Promise<Asked<Answer>> {
  const key = env.KEYS.getByName(keyId, region === undefined ? {} : { locationHint: region });
  return inTime(question(key as unknown as KeyRpc), config.decisionTimeoutMs, (cause) => {
    console.error({ message: "a key's object did not answer", keyId, cause: String(cause) });
  });
}
