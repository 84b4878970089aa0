/**
 * `rekey/client`: the control API and a key's self-service as typed calls. Nothing but `fetch` at run time.
 *
 *     const rekey = controlClient({ url: "https://api.example.com", token: process.env.REKEY_ADMIN_TOKEN });
 *     const issued = await rekey.createKey({ name: "billing worker" });
 *     if (issued.ok) console.log(issued.value.key);
 *     else if (issued.problem.code === "invalid-request") console.log(issued.problem.errors);
 *
 * @module
 */
export { controlClient, type ConditionalOptions, type ControlClient } from "./control-client.ts";
export type { Code, NoAnswer, Problem } from "./problem.ts";
export { RekeyError, valueOf, type Failure, type Result, type Success } from "./result.ts";
export { selfClient, type SelfClient } from "./self-client.ts";
export type { CallOptions, ClientOptions, RepeatableOptions } from "./send.ts";
export type * from "./types.ts";
