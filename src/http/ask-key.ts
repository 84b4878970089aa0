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
export async function askKey<Answer>(
  env: Env,
  config: Config,
  keyId: KeyId,
  question: (key: KeyRpc) => Promise<Answer>,
  region?: DurableObjectLocationHint,
): Promise<Asked<Answer>> {
  const key = env.KEYS.getByName(keyId, region === undefined ? {} : { locationHint: region });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<Asked<Answer>>((resolve) => {
    timer = setTimeout(() => resolve({ answered: false }), config.decisionTimeoutMs);
  });
  const answer = question(key as unknown as KeyRpc).then(
    (given): Asked<Answer> => ({ answered: true, answer: given }),
    (cause: unknown): Asked<Answer> => {
      console.error({ message: "a key's object did not answer", keyId, cause: String(cause) });
      return { answered: false };
    },
  );
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
