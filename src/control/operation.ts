import type * as z from "zod/mini";
import type { Config, Env } from "../env.ts";
import type { Code } from "../http/codes.ts";
import type { Authority } from "../key/authority.ts";
import type { ParsedCredential } from "../key/credential.ts";
import type { Idempotency } from "../key/receipt.ts";

/** What a control key must cover to make a call. The admin token covers all of them. */
export type ControlScope =
  | "rekey:keys:read"
  | "rekey:keys:write"
  | "rekey:keys:rotate"
  | "rekey:keys:revoke"
  | "rekey:audit:read"
  | "rekey:verify"
  | "rekey:webhooks:write";

/** What is known of one control call before its operation runs. */
export type Surroundings = {
  readonly request: Request;
  readonly env: Env;
  readonly config: Config;
  readonly requestId: string;
  /** On whose authority a control call acts; `null` for every other call, unless the admin makes it. */
  readonly authority: Authority | null;
  /** What the caller of a self-service call holds. Its tag is right; whether it is valid only the key's object knows. */
  readonly holder: ParsedCredential | null;
};

/** One call with its input judged: nothing in it is out of bounds any more. */
export type Call<Params = unknown, Query = unknown, Body = unknown> = Surroundings & {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** How this call would be repeated; `null` without an `Idempotency-Key`, or where none is heeded. */
  readonly idempotency: Idempotency | null;
  /** The revision that `If-Match` names; `null` if any will do, or where it is not heeded. */
  readonly expectedRevision: number | null;
};

/** `idempotency-key`: a lost answer can be had again. `if-match`: only the revision that the caller saw is changed. */
export type HeededHeader = "idempotency-key" | "if-match";

// Every schema of an operation is a `z.lazy`, built by the first request that it judges: a schema costs some 20 µs to
// build, there are hundreds of them, and most isolates are asked one or two things.

/** One kind of answer that is no refusal. */
export type AnswerShape = {
  readonly description: string;
  /** Absent: the answer has no JSON body. */
  readonly schema?: z.ZodMiniType;
  /** True: a page for people, or that too. */
  readonly page?: true;
  /** True: a table for spreadsheets, too. */
  readonly csv?: true;
};

/**
 * One operation of the control API: what it is called, who may call it, what goes in, what comes out, what it does.
 * The description and the behaviour are one value, so that a document made from the table cannot disagree with it.
 */
export type Operation<Params = unknown, Query = unknown, Body = unknown> = {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With `{name}` for each parameter, as OpenAPI writes it. */
  readonly path: `/_rekey/${string}`;
  readonly operationId: string;
  readonly summary: string;
  /** `self`: the holder of a key, about that key. `null`: anybody may ask. */
  readonly scope: ControlScope | "self" | null;
  /** True: nobody has to say who asks, but an admin is told more. A wrong token counts at the shield all the same. */
  readonly tellsAdmin?: true;
  /** True: answers on every host, even where CONTROL_HOST keeps the control API to one. */
  readonly everyHost?: true;
  /** Request headers that it heeds beside those that every call has. */
  readonly heeds?: readonly HeededHeader[];
  /** Those that it does not heed although a caller would rely on it. An `If-Match` is so with every change. */
  readonly refuses?: readonly HeededHeader[];
  /** A path whose parameters do not fit leads nowhere: 404. */
  readonly params?: z.ZodMiniType<Params>;
  /** Absent: no parameter is known. */
  readonly query?: z.ZodMiniType<Query>;
  /** Absent: a body is not looked at. */
  readonly body?: z.ZodMiniType<Body>;
  readonly responses: Readonly<Record<number, AnswerShape>>;
  /** What it refuses with, beyond what its scope, its input and its asking a key's object bring along. */
  readonly refusals: readonly Code[];
  handle(call: Call<Params, Query, Body>): Response | Promise<Response>;
};

/** Lets TypeScript tell the types of the input from its schemas. */
export const operation = <Params, Query, Body>(described: Operation<Params, Query, Body>): Operation => described;
