import type { Config, Env } from "../env.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";
import { askKey } from "./ask-key.ts";
import { tellDecision } from "./decision-log.ts";
import type { Asked } from "./in-time.ts";

/** Has a key's object decide about one request, once, and logs what it decided. Silence is never a yes. */
export async function decide(
  env: Env,
  config: Config,
  keyId: KeyId,
  admission: Admission,
): Promise<Asked<Decided<Verdict>>> {
  const began = Date.now();
  const asked = await askKey(env, config, keyId, (key) => key.admit(admission));
  if (asked.answered) tellDecision({ env, config, keyId, admission, began }, asked.answer);
  return asked;
}
