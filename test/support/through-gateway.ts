import { env } from "cloudflare:workers";
import { gateway } from "../../src/edge/gateway.ts";
import { requireConfig, type Config, type Env } from "../../src/env.ts";
import { routeTable, UNNAMED, type RouteRule } from "../../src/routing/rule.ts";

export type GatewayAsk = {
  /** What stands behind the gateway. By default it says yes to everything. */
  readonly origin?: (request: Request) => Response | Promise<Response>;
  /** What the path asks of a key, where the test has a rule of its own. */
  readonly rule?: Partial<RouteRule>;
  readonly method?: string;
  /** Bindings in the place of the real ones. */
  readonly env?: Partial<Env>;
  readonly config?: Partial<Config>;
};

/** Sends a request with this credential through the gateway inside the runtime, on the keys' real objects. */
export function throughGateway(credential: string, ask: GatewayAsk = {}): Promise<Response> {
  const { origin = () => new Response("yes"), rule = {}, method = "GET" } = ask;
  const ORIGIN = {
    fetch: async (input: RequestInfo, { signal, ...init }: RequestInit = {}) => {
      const answer = await Promise.race([Promise.try(origin, new Request(input, init)), givenUp(signal)]);
      return abortable(answer, signal);
    },
  } as unknown as Fetcher;
  const request = new Request("https://api.test/orders", {
    method,
    headers: { authorization: `Bearer ${credential}` },
  });
  return gateway(request, {
    env: { ...env, ORIGIN, ...ask.env },
    config: { ...requireConfig(env), routes: routeTable([{ ...UNNAMED, ...rule }]), ...ask.config },
    requestId: "req_test",
    target: { ok: true, path: "/orders", query: "" },
  });
}

/** An answer that breaks off when its fetch is aborted, as one from a network does. */
function abortable(answer: Response, signal: AbortSignal | null | undefined): Response {
  if (!signal || !answer.body) return answer;
  const reader = answer.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      signal.addEventListener("abort", () => {
        controller.error(signal.reason);
        void reader.cancel(signal.reason).catch(() => {});
      });
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, answer);
}

/** Rejects when the gateway no longer waits, as a fetch would. */
const givenUp = (signal: AbortSignal | null | undefined) =>
  new Promise<never>((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error));
  });

/** What the client got: `admitted` if the origin's answer came through, otherwise the code of the refusal. */
export async function outcomeOf(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.includes("problem+json")) {
    await response.body?.cancel();
    return "admitted";
  }
  return (await response.json<{ code: string }>()).code;
}

/** An answer that goes on until it is told to end: what a stream is to a gateway. */
export function anEndlessAnswer(init: ResponseInit = {}) {
  let source: ReadableStreamDefaultController<Uint8Array>;
  let given: string | null = null;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
      source.enqueue(new TextEncoder().encode("first"));
    },
    cancel(reason) {
      given = String(reason);
    },
  });
  return {
    response: new Response(body, init),
    say: (text: string) => source.enqueue(new TextEncoder().encode(text)),
    end: () => source.close(),
    breakOff: () => source.error(new Error("the origin broke off")),
    /** Why it was given up; `null` while it was not. */
    givenUp: () => given,
  };
}
