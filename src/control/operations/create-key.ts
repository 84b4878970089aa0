import type * as z from "zod/mini";
import { askKey } from "../../http/ask-key.ts";
import { problem } from "../../http/problem.ts";
import type { CreateCommand } from "../../key-object/rpc.ts";
import { boundaryOf, mayGrant } from "../../key/authority.ts";
import { beyond } from "../../key/boundary.ts";
import { keyIdFrom, newKeyId, type KeyId } from "../../key/credential.ts";
import type { OwnerOrder } from "../../key/owner-order.ts";
import type { Idempotency } from "../../key/receipt.ts";
import { after, epochMs, type EpochMs } from "../../key/time.ts";
import { decisionHeader, etagOf, json } from "../answer.ts";
import { byOf, undecided } from "../ask.ts";
import { askOwner } from "../ask-owner.ts";
import { actorOf, authorityOf, onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { recordJson } from "../record-json.ts";
import { boundaryOf as boundaryRuleOf } from "../schema/boundary.ts";
import { createBody, issuedKey } from "../schema/create.ts";
import { quotaRuleOf, rateLimitRulesOf } from "../schema/policy.ts";

export const createKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys",
  operationId: "createKey",
  summary: "Issue a key. Its text is in this answer and never again anywhere.",
  scope: "rekey:keys:write",
  heeds: ["idempotency-key"],
  body: createBody,
  responses: {
    201: { description: "The key was issued.", schema: issuedKey },
  },
  refusals: ["forbidden", "owner-revoked", "conflict"],
  async handle(call) {
    const { env, config, requestId, idempotency } = call;
    const { region, ...wanted } = call.body;
    const authority = authorityOf(call);
    const bound = onlyOwnerOf(call);
    const owner = wanted.owner ?? bound;
    if (bound !== null && owner !== bound) {
      return problem("forbidden", { requestId, detail: "This control key creates keys for its own owner only." });
    }
    if (!mayGrant(authority, wanted.scopes)) return problem("forbidden", { requestId });

    const id = idOf(idempotency);
    const profile = {
      id,
      name: wanted.name,
      owner,
      kind: wanted.kind,
      environment: wanted.environment,
      prefix: wanted.prefix ?? config.keyPrefixes[wanted.environment],
      scopes: wanted.scopes,
      allowedIps: wanted.allowedIps,
      quota: quotaRuleOf(wanted.quota),
      rateLimits: rateLimitRulesOf(wanted.rateLimits),
      lifetimeSeconds: wanted.lifetimeSeconds ?? null,
      maxLifetimeSeconds: wanted.maxLifetimeSeconds,
      idleSeconds: wanted.idleSeconds,
      rotation: wanted.rotation,
      maxConcurrent: wanted.maxConcurrent,
      reserveSeconds: wanted.reserveSeconds,
      onReservationTimeout: wanted.onReservationTimeout,
      selfRotate: wanted.selfRotate,
      suspicion: wanted.suspicion,
      metadata: wanted.metadata,
      boundary: boundaryRuleOf(wanted.boundary),
    };
    const end = endOf(wanted);
    // There is nothing yet that could change between this and the creation, so it is judged before an owner hears of it.
    const outside = beyond(boundaryOf(authority), resultOf(profile, end, epochMs(Date.now())));
    if (outside !== null) return problem("forbidden", { requestId, detail: outside });

    let ownerOrder: OwnerOrder | null = null;
    if (owner !== null) {
      // Entered before it exists: a decision about the owner finds the key from here on.
      const registered = await askOwner(env, owner, config.decisionTimeoutMs, (roll) => roll.register(owner, id));
      if (!registered.answered) return undecided(call);
      ownerOrder = registered.answer;
    }

    const command: CreateCommand = {
      by: byOf(call, actorOf(authority)),
      authority,
      profile,
      end,
      ownerOrder,
      idempotency,
    };
    const asked = await askKey(env, config, id, (key) => key.create(command), region);
    if (!asked.answered) return undecided(call);
    const { answer } = asked;
    const headers = decisionHeader(answer.decision);
    if (!answer.done) return problem(answer.because, { requestId, headers });
    const created = { key: answer.credential, record: recordJson(answer.record) };
    const location = `/_rekey/v1/keys/${id}`;
    return json(call, 201, created, { ...headers, ...etagOf(answer.record), location });
  },
});

/** The key as it would be if it were created at this instant. */
const resultOf = (profile: CreateCommand["profile"], end: CreateCommand["end"], now: EpochMs) => ({
  profile: { ...profile, createdAt: now },
  expiresAt: end === null ? null : "at" in end ? epochMs(end.at) : after(now, end.afterSeconds * 1000),
});

/** A create that is repeated meets the object of its first attempt: its id is made of who asks and the header. */
const idOf = (idempotency: Idempotency | null): KeyId =>
  idempotency === null
    ? newKeyId((bytes) => crypto.getRandomValues(bytes))
    : keyIdFrom(`${idempotency.actor}\n${idempotency.header}`);

function endOf({ lifetimeSeconds, expiresAt }: z.output<typeof createBody>): CreateCommand["end"] {
  if (lifetimeSeconds !== undefined) return { afterSeconds: lifetimeSeconds };
  return expiresAt === null ? null : { at: Date.parse(expiresAt) };
}
