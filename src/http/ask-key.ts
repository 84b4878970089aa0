import type { Config, Env } from "../env.ts";
import type { KeyRpc } from "../key-object/rpc.ts";
import type { KeyId } from "../key/credential.ts";

/** What a key's object said, or that it said nothing in time. Silence is never a yes. */
export type Asked<Answer> = { readonly answered: true; readonly answer: Answer } | { readonly answered: false };

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
  // One promise and no race, because every request pays for it.
  return new Promise((resolve) => {
    const key = env.KEYS.getByName(keyId, region === undefined ? {} : { locationHint: region });
    const settle = (asked: Asked<Answer>) => {
      clearTimeout(deadline);
      resolve(asked);
    };
    const deadline = setTimeout(settle, config.decisionTimeoutMs, { answered: false });
    question(key as unknown as KeyRpc).then(
      (answer) => settle({ answered: true, answer }),
      (cause: unknown) => {
        console.error({ message: "a key's object did not answer", keyId, cause: String(cause) });
        settle({ answered: false });
      },
    );
  });
}
