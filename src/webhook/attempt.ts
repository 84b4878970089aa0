import { epochMs, type EpochMs } from "../key/time.ts";
import { withDeadline } from "./deadline.ts";
import type { MessageId } from "./id.ts";
import { resolve } from "./resolve.ts";
import { signatureHeaders, type WebhookSecret } from "./signature.ts";
import { readTarget } from "./target.ts";

/**
 * Why an attempt failed. `status`: the receiver said no. `gone`: it said 410, which means never again. `redirect`: it
 * pointed elsewhere, which is not followed. `timeout`, `unreachable`: it said nothing. `not-public`, `unresolved`,
 * `resolver-silent`: nothing was sent, because its name leads into a private network, nowhere, or nobody could say.
 */
export const ATTEMPT_FAULTS = [
  "status",
  "gone",
  "redirect",
  "timeout",
  "unreachable",
  "not-public",
  "unresolved",
  "resolver-silent",
] as const;
export type AttemptFault = (typeof ATTEMPT_FAULTS)[number];

/** One attempt, when it was made and what came of it. `because` is `null` when the receiver has the message. */
export type Attempt = {
  readonly at: EpochMs;
  readonly tookMs: number;
  /** Of the answer; `null` without one. */
  readonly status: number | null;
  readonly because: AttemptFault | null;
  /** What the receiver asked for. */
  readonly retryAfterSeconds: number | null;
};

export type Message = { readonly id: MessageId; readonly body: string };

/** Where and how messages are sent. */
export type Route = {
  readonly url: string;
  readonly secrets: readonly WebhookSecret[];
  readonly resolver: URL;
  readonly toLoopback: boolean;
  readonly ownHosts: readonly string[];
};

/** How long a receiver may take to answer, in milliseconds. */
const RECEIVER_TIMEOUT_MS = 10_000;

/** Tries to hand one message to its receiver, once. Never throws. */
export async function attempt({ id, body }: Message, route: Route): Promise<Attempt> {
  const at = epochMs(Date.now());
  const ended = (because: AttemptFault | null, response: Response | null = null): Attempt => ({
    at,
    tookMs: Date.now() - at,
    status: response?.status ?? null,
    because,
    retryAfterSeconds: retryAfterOf(response),
  });

  // Judged again each time: the setting, or where the name leads, may have changed since the endpoint was made.
  const target = readTarget(route.url, route.toLoopback, route.ownHosts);
  if (!target.ok) return ended("not-public");
  if (target.lookUp !== null) {
    const resolution = await resolve(target.lookUp, route.resolver);
    if (resolution === "silent") return ended("resolver-silent");
    if (resolution !== "public") return ended(resolution);
  }

  try {
    const headers = {
      "content-type": "application/json",
      "user-agent": "Rekey-Webhooks/1",
      ...signatureHeaders(route.secrets, { id, atSeconds: Math.floor(at / 1000), body }),
    };
    const response = await withDeadline(RECEIVER_TIMEOUT_MS, async (signal) => {
      const answer = await fetch(target.url, { method: "POST", headers, body, redirect: "manual", signal });
      // What the receiver has to say beyond its status is not wanted, however much it is.
      await answer.body?.cancel();
      return answer;
    });
    return ended(faultOf(response.status), response);
  } catch (cause) {
    return ended(cause instanceof Error && cause.name === "TimeoutError" ? "timeout" : "unreachable");
  }
}

function faultOf(status: number): AttemptFault | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return "redirect";
  return status === 410 ? "gone" : "status";
}

/** In seconds; the form of it that is a date is not heeded. */
function retryAfterOf(response: Response | null): number | null {
  const value = response?.headers.get("retry-after") ?? "";
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}
