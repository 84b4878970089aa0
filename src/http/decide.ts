import type { Config, Env } from "../env.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";
import { epochMs } from "../key/time.ts";
import { askKey } from "./ask-key.ts";
import { DeadSecrets } from "./dead-secrets.ts";
import { tellDecision } from "./decision-log.ts";
import type { Asked } from "./in-time.ts";

/** The only thing that an isolate remembers of decisions, and it can only refuse. */
const dead = new DeadSecrets();

/**
 * Has a key's object decide about one request, once, and logs what it decided. Silence is never a yes.
 *
 * A secret that its object has said to be dead for good is refused without it: then there is no decision's number.
 */
export async function decide(
  env: Env,
  config: Config,
  keyId: KeyId,
  admission: Admission,
): Promise<Asked<Decided<Verdict>>> {
  const began = Date.now();
  const known = dead.recall(admission, began);
  if (known !== null) {
    const answer = { ...known, at: epochMs(began), decision: null };
    tellDecision({ env, config, keyId, admission, began }, answer);
    return { answered: true, answer };
  }
  const question = dead.withCount(admission, began);
  const asked = await askKey(env, config, keyId, (key) => key.admit(question));
  if (!asked.answered) dead.unanswered(question);
  else {
    dead.note(admission, asked.answer, began);
    tellDecision({ env, config, keyId, admission, began }, asked.answer);
  }
  return asked;
}
