import { Hono } from "hono";
import type { Config, Env } from "../env.ts";
import { carriesCredential } from "../http/credential-in-url.ts";
import { problem } from "../http/problem.ts";
import { isControlHost } from "./control-host.ts";
import { failed } from "./failed.ts";
import type { Operation } from "./operation.ts";
import { ROUTES } from "./routes.ts";
import { serve, type Arrival } from "./serve.ts";

/**
 * Answers a request to the control API.
 *
 * @param path the canonical path, by which the request was recognised as one for Rekey: what decided that is what is
 *   routed on.
 */
export const handleControl = async (
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  config: Config,
  requestId: string,
  path: string,
): Promise<Response> => {
  if (carriesCredential(request.url, config)) return problem("credentials-in-url", { requestId });
  const app = isControlHost(request, config) ? onControlHost() : onOtherHosts();
  return app.fetch(request, { env, config, requestId, path }, ctx);
};

/** Operations as they are served: built from the table and nothing else. What is not in it does not exist. */
function appOf(operations: readonly Operation[]) {
  const app = new Hono<{ Bindings: Arrival }>({ getPath: (_request, options) => options!.env!.path });

  for (const operation of operations) app.on(operation.method, patternOf(operation.path), serve(operation));

  for (const [path, onPath] of Map.groupBy(operations, (operation) => operation.path)) {
    const methods = onPath.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const headers = { allow: methods.join(", ") };
    app.all(patternOf(path), ({ env: { requestId } }) => problem("method-not-allowed", { requestId, headers }));
  }

  app.notFound(({ env: { requestId } }) => problem("not-found", { requestId }));

  app.onError((cause, { env: { requestId } }) => failed(cause, requestId));
  return app;
}

/** `{name}` as OpenAPI writes it, `:name` as Hono does. */
function patternOf(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Built by the first request that needs it: an isolate that carries traffic only never does. */
const once = <Value>(make: () => Value): (() => Value) => {
  let made: Value | undefined;
  return () => (made ??= make());
};

const onControlHost = once(() => appOf(ROUTES));
const onOtherHosts = once(() => appOf(ROUTES.filter(({ everyHost }) => everyHost)));
