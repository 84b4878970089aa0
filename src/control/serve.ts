import type { Context } from "hono";
import type { Config, Env } from "../env.ts";
import { problem } from "../http/problem.ts";
import { notFound } from "./answer.ts";
import { readAuthority } from "./authority.ts";
import { judge, type Fault, type Judged } from "./faults.ts";
import type { Operation, Surroundings } from "./operation.ts";
import { readBody } from "./read-body.ts";
import { readQuery } from "./read-query.ts";
import { noParameters } from "./schema/params.ts";

/** What a request to the control API arrives with. */
export type Asked = { readonly env: Env; readonly config: Config; readonly requestId: string; readonly path: string };

/** How one operation is served: who asks, then what is asked, then the operation itself. */
export function serve(operation: Operation) {
  return async (context: Context<{ Bindings: Asked }>): Promise<Response> => {
    const request = context.req.raw;
    const { env, config, requestId } = context.env;

    const reading = readAuthority(request, config);
    if (!reading.ok && operation.scope !== null) return problem(reading.code, { requestId });
    const authority = reading.ok ? reading.authority : null;
    const around: Surroundings = { request, env, config, requestId, authority };

    const params = judgeOptional(operation.params, context.req.param());
    if (!params.ok) return notFound(around);

    // Both are judged before either is refused: a caller corrects everything at once.
    const { query: given, faults } = readQuery(request.url);
    const query = judge(operation.query ?? noParameters, given);
    const body = operation.body === undefined ? null : await readBody(request);
    if (body?.ok === false && body.tooLarge) return problem("payload-too-large", { requestId });
    const input = body?.ok === false ? refused(body.fault) : judgeOptional(operation.body, body?.value);
    if (!query.ok || !input.ok || faults.length > 0) {
      const errors = [...faults, ...faultsIn(query), ...faultsIn(input)];
      return problem("invalid-request", { requestId, members: { errors } });
    }
    return operation.handle({ ...around, params: params.value, query: query.value, body: input.value });
  };
}

const judgeOptional = (schema: Operation["body"], value: unknown): Judged<unknown> =>
  schema === undefined ? { ok: true, value: undefined } : judge(schema, value);

const refused = (fault: Fault): Judged<unknown> => ({ ok: false, faults: [fault] });

const faultsIn = (judged: Judged<unknown>): readonly Fault[] => (judged.ok ? [] : judged.faults);
