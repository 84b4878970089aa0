import type { Env } from "../env.ts";
import { inTime, type Asked } from "../http/in-time.ts";
import type { OwnerRpc } from "../owner-object/rpc.ts";

/** Asks an owner's object one question, once, and waits at most so long for the answer. */
export const askOwner = <Answer>(
  env: Env,
  owner: string,
  timeoutMs: number,
  question: (roll: OwnerRpc) => Promise<Answer>,
): Promise<Asked<Answer>> =>
  inTime(question(env.OWNERS.getByName(owner) as unknown as OwnerRpc), timeoutMs, (cause) => {
    console.error({ message: "an owner's object did not answer", cause: String(cause) });
  });
