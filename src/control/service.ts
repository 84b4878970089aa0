import { WorkerEntrypoint } from "cloudflare:workers";
import type * as z from "zod/mini";
import { configOf, type Config, type Env } from "../env.ts";
import { newRequestId } from "../http/request-id.ts";
import { ADMIN } from "../key/authority.ts";
import { judge, type Fault } from "./faults.ts";
import { reservationParams, settleBody } from "./schema/settle.ts";
import { verifyQuestion, type VerifyAnswer } from "./schema/verify.ts";
import { settle, type SettleAnswer } from "./settle.ts";
import { verify } from "./verify.ts";

/** What cannot be answered as a verdict: a question that cannot be understood, an object that says nothing, no settings. */
export type ServiceFault = {
  readonly valid: false;
  readonly code: "invalid-request" | "unavailable" | "misconfigured";
  readonly requestId: string;
  readonly decision: null;
  readonly errors?: readonly Fault[];
};

/**
 * The same decisions as the control API's, for other Workers of the account over a service binding, without HTTP:
 *
 *     [[services]]
 *     binding = "REKEY"
 *     service = "rekey"
 *     entrypoint = "RekeyService"
 *
 * A binding is an authority by itself: whoever can deploy a Worker with it could read the secrets too. Answers are
 * values; nothing is thrown for what a caller asks.
 */
export class RekeyService extends WorkerEntrypoint<Env> {
  /** Asks whether a key is to be let in now. A yes is counted. Never repeat this call by hand. */
  async verify(question: z.input<typeof verifyQuestion>): Promise<VerifyAnswer | ServiceFault> {
    return this.#answer(async (config, requestId) => {
      const judged = judge(verifyQuestion, question);
      if (!judged.ok) return { ...fault("invalid-request", requestId), errors: judged.faults };
      return (await verify({ env: this.env, config, requestId, authority: ADMIN }, judged.value)) ?? undefined;
    });
  }

  /** Charges what a reservation really cost and gives the rest back, once. The same call again gets the same answer. */
  async settle(id: string, used: number): Promise<SettleAnswer | ServiceFault> {
    return this.#answer(async (config, requestId) => {
      const target = judge(reservationParams, { id });
      const body = judge(settleBody, { used });
      if (!target.ok || !body.ok) {
        const errors = [...(target.ok ? [] : target.faults), ...(body.ok ? [] : body.faults)];
        return { ...fault("invalid-request", requestId), errors };
      }
      const answer = await settle({ env: this.env, config, authority: ADMIN }, target.value.id, body.value.used);
      return answer ?? undefined;
    });
  }

  async #answer<Answer>(
    ask: (config: Config, requestId: string) => Promise<Answer | ServiceFault | undefined>,
  ): Promise<Answer | ServiceFault> {
    const requestId = newRequestId();
    const reading = configOf(this.env);
    if (!reading.ok) return fault("misconfigured", requestId);
    return (await ask(reading.config, requestId)) ?? fault("unavailable", requestId);
  }
}

const fault = (code: ServiceFault["code"], requestId: string): ServiceFault => ({
  valid: false,
  code,
  requestId,
  decision: null,
});
