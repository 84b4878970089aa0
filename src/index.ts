import { Hono, type Context } from "hono";
import { handleControl } from "./control/app.ts";
import { FORWARD_AUTH_PATH, forwardAuth, isQuestion } from "./edge/forward-auth/forward-auth.ts";
import { gateway } from "./edge/gateway.ts";
import { isPlainHost } from "./edge/host.ts";
import { targetOf, type Target } from "./edge/path.ts";
import { configOf, type Config, type ConfigReading, type Env } from "./env.ts";
import { healthz } from "./http/healthz.ts";
import { misconfigured } from "./http/misconfigured.ts";
import { problem } from "./http/problem.ts";
import { newRequestId } from "./http/request-id.ts";
import { doErrands } from "./queue.ts";
import { doChores } from "./scheduled.ts";
import { redact } from "./key/credential.ts";

export { KeyObject } from "./key-object/key-object.ts";
export { RekeyService } from "./control/service.ts";
export { OwnerObject } from "./owner-object/owner-object.ts";
export { WebhookObject } from "./webhook-object/webhook-object.ts";

/** A request that has one reading, on its way to whoever answers it. */
type Arrival = {
  Bindings: { readonly env: Env; readonly requestId: string; readonly target: Extract<Target, { ok: true }> };
};

// Routed on the canonical path: Hono's own reading of a URL takes an escaped path for another.
const app = new Hono<Arrival>({ getPath: (_request, options) => options!.env!.target.path });

app.all(
  `${FORWARD_AUTH_PATH}*`,
  configured((config, { req, env: { env, requestId, target } }) =>
    forwardAuth(req.raw, { env, config, requestId, target }),
  ),
);

app.all(
  "/_rekey/*",
  configured((config, { req, env: { env, requestId, target }, executionCtx }) =>
    handleControl(req.raw, env, executionCtx as ExecutionContext, config, requestId, target.path),
  ),
);

app.all(
  "*",
  configured((config, { req, env: { env, requestId, target } }) =>
    config.mode === "verify"
      ? problem("not-found", { requestId })
      : gateway(req.raw, { env, config, requestId, target }),
  ),
);

app.onError((cause, { env: { requestId } }) => {
  console.error({ message: "a request failed", requestId, cause: redact(String(cause)) });
  return problem("unavailable", { requestId });
});

type Answer = Response | Promise<Response>;

/**
 * Nothing is served with settings that cannot be used, except the news that the Worker is alive.
 * A wrapper and not a middleware: most requests that are refused cost less than the middleware would.
 */
function configured(answer: (config: Config, context: Context<Arrival>) => Answer) {
  return (context: Context<Arrival>): Answer => {
    const { env, requestId, target } = context.env;
    const { raw } = context.req;
    const reading = readSettings(env, raw);
    if (!reading.ok) {
      // A proxy would take it for a yes.
      const isAsked = raw.headers.has("rekey-proxy-token");
      return target.path === "/_rekey/healthz" && !isAsked
        ? healthz(requestId)
        : misconfigured(reading.problems, requestId);
    }
    const { config } = reading;
    return isQuestion(raw.url, raw.headers, config)
      ? forwardAuth(raw, { env, config, requestId, target })
      : answer(config, context);
  };
}

/** A path that has more than one reading is refused, but where a rule wants such paths as they are. */
function answerUnreadable(
  request: Request,
  env: Env,
  requestId: string,
  target: Extract<Target, { ok: false }>,
): Answer {
  const reading = readSettings(env, request);
  const isGateway = reading.ok && reading.config.mode === "gateway";
  if (isGateway && reading.config.routes.hasOpaque && !isQuestion(request.url, request.headers, reading.config)) {
    return gateway(request, { env, config: reading.config, requestId, target });
  }
  return problem("invalid-path", { requestId, detail: target.because });
}

/** The settings, of which one may be used on one's own machine only. */
function readSettings(env: Env, request: Request): ConfigReading {
  const reading = configOf(env);
  return reading.ok && reading.config.webhooksToLoopback && isDeployed(request) ? LOOPBACK_DEPLOYED : reading;
}

/** The platform names every request that reaches it over its network; a run on one's own machine is not there. */
const isDeployed = ({ headers }: Request): boolean => headers.has("cf-ray");

const LOOPBACK_DEPLOYED: ConfigReading = {
  ok: false,
  problems: [
    { setting: "WEBHOOKS_TO_LOOPBACK", message: "is for local runs, which set it by themselves: take it away" },
  ],
};

export default {
  fetch(request, env, ctx) {
    const requestId = newRequestId();
    const host = request.headers.get("host");
    if (host !== null && !isPlainHost(host)) {
      return problem("invalid-request", { requestId, detail: "The Host header is not one host." });
    }
    const target = targetOf(request.url);
    if (!target.ok) return answerUnreadable(request, env, requestId, target);
    return app.fetch(request, { env, requestId, target }, ctx);
  },

  scheduled: (_minute, env) => doChores(env),

  queue: (batch, env) => doErrands(batch, env),
} satisfies ExportedHandler<Env>;
