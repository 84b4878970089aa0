import type { Context } from "hono";
import type { Config, Env } from "../env.ts";
import { problem } from "../http/problem.ts";
import { sayAdmission } from "../http/say-admission.ts";
import { isBelowLimit, shielded, tooManyFailures } from "../http/shield.ts";
import type { Idempotency } from "../key/receipt.ts";
import { wakeWebhooks } from "../webhook-object/wake.ts";
import { notFound } from "./answer.ts";
import { actorOf, authorize, triedAdmin, type Admitted, type Unsigned } from "./authority.ts";
import { failed } from "./failed.ts";
import { judge, type Fault, type Judged } from "./faults.ts";
import { readHolder } from "./holder.ts";
import { noteRead } from "./note-read.ts";
import type { HeededHeader, Operation, Surroundings } from "./operation.ts";
import { readBody } from "./read-body.ts";
import { readIdempotencyKey, readIfMatch, type HeaderReading } from "./read-headers.ts";
import { readQuery } from "./read-query.ts";
import { requestDigest } from "./request-digest.ts";
import { noParameters } from "./schema/params.ts";

/** What a request to the control API arrives with. */
export type Arrival = { readonly env: Env; readonly config: Config; readonly requestId: string; readonly path: string };

/** How one operation is served: who asks, then what is asked, then the operation itself. */
export function serve(operation: Operation) {
  const answer = answerOf(operation);
  return async (context: Context<{ Bindings: Arrival }>): Promise<Response> => {
    const { env, config, requestId } = context.env;
    const request = context.req.raw;
    // A holder's mistakes are a client's; whoever tries admin tokens gets a far smaller number of attempts.
    const shield = operation.scope === "self" ? env.FAILURES : env.ADMIN_FAILURES;
    const behindShield = (given: Response) =>
      shielded(shield, request.headers.get("cf-connecting-ip"), requestId, given);

    const signature = await sign(operation, { request, env, config, requestId });
    if (!signature.ok) return behindShield(signature.response);
    const { signed, admission } = signature;
    const response = await answer(signed, context).catch((cause: unknown) => failed(cause, requestId));
    // A control key is a key: whatever its call came to, it was admitted.
    if (admission !== null) sayAdmission(response.headers, admission);
    if (response.ok) context.executionCtx.waitUntil(noteRead(operation, signed, context.req.param("id") ?? null));
    // Whoever wants to be told of it is, behind the answer's back.
    if (mayChange(operation) && response.ok) {
      context.executionCtx.waitUntil(wakeWebhooks(env, Date.now() - WAKE_SINCE_MS, WAKE_AT_ONCE));
    }
    return behindShield(response);
  };
}

/** Whether an operation is there to change something, and not only to ask. */
const isChange = ({ method, scope }: Operation): boolean =>
  method !== "GET" && scope !== null && scope !== "rekey:verify";

/** Whether an operation may have changed a key. A verdict is too frequent to wake anybody for what it may have caused. */
const mayChange = (operation: Operation): boolean => isChange(operation) && operation.scope !== "rekey:webhooks:write";

/** How far back events are looked for when a change was made, and how many webhooks are woken then; the rest soon. */
const WAKE_SINCE_MS = 10_000;
const WAKE_AT_ONCE = 50;

/** What is asked, and the answer. */
function answerOf(operation: Operation) {
  return async (signed: Surroundings, context: Context<{ Bindings: Arrival }>): Promise<Response> => {
    const { request, requestId } = signed;
    const { path } = context.env;
    const params = judgeOptional(operation.params, context.req.param());
    if (!params.ok) return notFound(signed);

    // All are judged before any is refused: a caller corrects everything at once.
    const heed = <Value>(header: HeededHeader, read: (headers: Headers) => HeaderReading<Value>) =>
      operation.heeds?.includes(header) ? read(request.headers) : readUnheeded(operation, header, request.headers);
    const idempotencyKey = heed("idempotency-key", readIdempotencyKey);
    const ifMatch = heed("if-match", readIfMatch);
    const { query: given, faults } = readQuery(request.url);
    const query = judge(operation.query ?? noParameters, given);
    const body = operation.body === undefined ? null : await readBody(request);
    if (body?.ok === false && body.tooLarge) return problem("payload-too-large", { requestId });
    const input = body?.ok === false ? refused(body.fault) : judgeOptional(operation.body, body?.value);
    if (!idempotencyKey.ok || !ifMatch.ok || !query.ok || !input.ok || faults.length > 0) {
      const headers = [idempotencyKey, ifMatch].flatMap((reading) => (reading.ok ? [] : [reading.fault]));
      const errors = [...headers, ...faults, ...faultsIn(query), ...faultsIn(input)];
      return problem("invalid-request", { requestId, members: { errors } });
    }
    const sent = body?.ok === true ? body.value : null;
    return operation.handle({
      ...signed,
      params: params.value,
      query: query.value,
      body: input.value,
      idempotency: idempotencyKey.value === null ? null : idempotencyOf(signed, idempotencyKey.value, path, sent),
      expectedRevision: ifMatch.value,
    });
  };
}

type Signature =
  | { readonly ok: true; readonly signed: Surroundings; readonly admission: Admitted | null }
  | { readonly ok: false; readonly response: Response };

/** Finds out who makes a call, or refuses it. */
async function sign(operation: Operation, call: Unsigned): Promise<Signature> {
  const { scope } = operation;
  if (scope === null) {
    const tried = operation.tellsAdmin ? triedAdmin(call) : null;
    const { env, request, requestId } = call;
    if (tried === "failed" && !(await isBelowLimit(env.ADMIN_FAILURES, request.headers.get("cf-connecting-ip")))) {
      return { ok: false, response: tooManyFailures(requestId) };
    }
    const authority = tried === "failed" ? null : tried;
    return { ok: true, signed: { ...call, authority, holder: null }, admission: null };
  }
  if (scope === "self") {
    const holder = readHolder(call);
    if (holder instanceof Response) return { ok: false, response: holder };
    return { ok: true, signed: { ...call, authority: null, holder }, admission: null };
  }
  const authorization = await authorize(scope, call, isChange(operation));
  if (!authorization.ok) return authorization;
  const { authority, admission } = authorization;
  return { ok: true, signed: { ...call, authority, holder: null }, admission };
}

function idempotencyOf(call: Surroundings, header: string, path: string, body: unknown): Idempotency {
  const { authority, holder, request } = call;
  const actor = authority !== null ? actorOf(authority) : holder!.keyId;
  return { actor, header, request: requestDigest(request.method, path, body) };
}

/**
 * A header that an operation does not heed is passed over where that does no harm. A condition does harm: a change that
 * was to be made in one case only would be made in any (RFC 9110 section 13.1.1).
 */
function readUnheeded({ method, refuses }: Operation, header: HeededHeader, headers: Headers): HeaderReading<never> {
  const does = refuses?.includes(header) || (header === "if-match" && method !== "GET");
  if (!does || !headers.has(header)) return { ok: true, value: null };
  return { ok: false, fault: { path: HEADER_NAMES[header], message: "is not heeded here" } };
}

const HEADER_NAMES = { "idempotency-key": "Idempotency-Key", "if-match": "If-Match" } as const;

const judgeOptional = (schema: Operation["body"], value: unknown): Judged<unknown> =>
  schema === undefined ? { ok: true, value: undefined } : judge(schema, value);

const refused = (fault: Fault): Judged<unknown> => ({ ok: false, faults: [fault] });

const faultsIn = (judged: Judged<unknown>): readonly Fault[] => (judged.ok ? [] : judged.faults);
