import { ADMIN as ADMINISTRATOR } from "../../../src/key/authority.ts";
import { digestOf } from "../../../src/key/digest.ts";
import type { ReservationId } from "../../../src/key/reservation.ts";
import type { KeyRpc } from "../../../src/key-object/rpc.ts";
import { epochMs } from "../../../src/key/time.ts";
import type { Answer, Call } from "../model/call.ts";
import {
  ADMIN,
  admissionOf,
  amendmentOf,
  codeOf,
  ID,
  idempotencyOf,
  OWNER,
  profileOf,
  recordFacts,
  verdictFacts,
} from "../support/core-under-test.ts";

/** What clients were told: the credential behind the name of a secret, the id behind that of a reservation. */
export type Names = {
  readonly credentialOf: (name: string) => string;
  readonly reservationOf: (name: string) => ReservationId;
};

/** What a key's object says to a call, in the words of the model, and what it issued. */
export type Heard = {
  readonly answer: Answer;
  /** `null`: it told no number. */
  readonly decision: string | null;
  readonly credential?: string | null;
  readonly reservation?: ReservationId;
};

const BY = { by: ADMIN, reason: null };
const ASK = { ...BY, authority: ADMINISTRATOR };

/** Asks a key's object over its RPC what the model is asked by a call. Rings are no calls. */
export async function ask(object: KeyRpc, call: Exclude<Call, { do: "ring" }>, names: Names): Promise<Heard> {
  switch (call.do) {
    case "create": {
      const { createdAt: _now, ...profile } = profileOf(call.rules, epochMs(0));
      const { session, expiresAt } = call.rules;
      const end =
        session !== null ? { afterSeconds: session.lifetimeMs / 1000 } : expiresAt === null ? null : { at: expiresAt };
      const idempotency = idempotencyOf("admin", call.header, ["create", call.rules]);
      return changed("created", await object.create({ ...BY, profile, end, ownerOrder: null, idempotency }));
    }
    case "use": {
      const presented = digestOf(names.credentialOf(call.secret));
      const verdict = await object.admit({ ...admissionOf(call), presented });
      const { secret: _named, ...facts } = verdictFacts(verdict) as Answer & { secret?: string };
      const held = verdict.admitted ? verdict.reservation : null;
      return {
        answer: { ...facts, ...(held !== null && { reservation: call.opens, holdsUntil: held.expiresAt }) },
        decision: verdict.decision,
        ...(verdict.admitted && verdict.newKey !== null && { credential: verdict.newKey }),
        ...(held !== null && { reservation: held.id }),
      };
    }
    case "settle": {
      const id = names.reservationOf(call.reservation);
      const settlement = await object.settle({ id, used: call.used, onlyOwner: null });
      const { decision } = settlement;
      if (!settlement.done) return { answer: { code: settlement.because }, decision };
      const { units, closed } = settlement.reservation;
      return { answer: { code: "settled", units, charged: closed!.charged, overrun: closed!.overrun }, decision };
    }
    case "read": {
      const reading = await object.read({ authority: ADMINISTRATOR });
      if (!reading.reached) return { answer: { code: reading.because }, decision: reading.decision };
      return { answer: recordFacts("record", reading.record), decision: reading.decision };
    }
    case "read-self":
      return changed(
        "record",
        await object.readSelf({ presented: digestOf(names.credentialOf(call.secret)), ip: call.ip ?? null }),
      );
    case "revoke-self":
      return changed(
        "revoked",
        await object.revokeSelf({ ...BY, presented: digestOf(names.credentialOf(call.secret)) }),
      );
    case "rotate": {
      const idempotency = idempotencyOf("admin", call.header, ["rotate", call.expected, call.graceMs]);
      const command = { expectedVersion: call.expected, graceSeconds: call.graceMs / 1000, idempotency };
      return changed("rotated", await object.rotate({ ...ASK, ...command }));
    }
    case "rotate-self": {
      const idempotency = idempotencyOf(ID, call.header, ["rotate-self"]);
      const presented = digestOf(names.credentialOf(call.secret));
      return changed("rotated", await object.rotateSelf({ ...BY, presented, ip: call.ip ?? null, idempotency }));
    }
    case "revoke":
      return changed("revoked", await object.revoke(ASK));
    case "suspend":
      return changed("suspended", await object.suspend(ASK));
    case "resume":
      return changed("resumed", await object.resume(ASK));
    case "amend": {
      const command = { amendment: amendmentOf(call.change), expectedRevision: call.ifMatch };
      return changed("amended", await object.amend({ ...ASK, ...command }));
    }
    case "credit": {
      const credit = call.add === undefined ? { set: call.set! } : { add: call.add };
      return changed("credited", await object.credit({ ...ASK, credit, expectedRevision: call.ifMatch }));
    }
    case "purge": {
      const purge = await object.purge(ASK);
      const code = purge.reached ? (purge.purged ? "purged" : "conflict") : purge.because;
      return { answer: { code }, decision: purge.decision };
    }
    case "obey": {
      const order = { revision: call.order, standing: call.standing };
      await object.obey({ ...ASK, owner: OWNER, order });
      return { answer: { code: "obeyed" }, decision: null };
    }
  }
}

/** What any change answers, whatever it is. */
type Change = { readonly decision: string | null } & Partial<{
  reached: boolean;
  done: boolean;
  because: string;
  refusal: { readonly reason: string };
  currentVersion: number;
  record: Parameters<typeof recordFacts>[1];
  credential: string | null;
  retired: { readonly version: number; readonly validUntil: number };
}>;

function changed(code: string, change: Change): Heard {
  const { decision, because, refusal, currentVersion, record, credential, retired } = change;
  if (change.done !== true) {
    const conflict = because === "version-conflict" ? { currentVersion } : {};
    return { answer: { code: codeOf(because ?? refusal!.reason), ...conflict }, decision };
  }
  const facts = retired === undefined ? {} : { retired: retired.version, validUntil: retired.validUntil };
  return { answer: { ...recordFacts(code, record!), ...facts }, decision, ...(credential && { credential }) };
}
