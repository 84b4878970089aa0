import { DurableObject } from "cloudflare:workers";
import { peppersOf, requireConfig, type Config, type Env } from "../env.ts";
import type { Admission } from "../key/admission.ts";
import { admit, type Verdict } from "../key/admit.ts";
import { amend, type AmendCommand, type Amended } from "../key/amend.ts";
import { credit, type CreditCommand, type Credited } from "../key/credit.ts";
import {
  ADMIN,
  boundaryOf,
  isSame,
  judge,
  mayEndAt,
  mayGrant,
  mayLift,
  sees,
  stopperOf,
  type Deed,
} from "../key/authority.ts";
import { beyond } from "../key/boundary.ts";
import type { Client } from "../key/client.ts";
import type { Circumstance } from "../key/change.ts";
import type { Account } from "../key/chain-proof.ts";
import { create, createAfterPurge, createAgain, type Creation, type Fresh } from "../key/create.ts";
import type { Digest } from "../key/digest.ts";
import type { By, KeyEvent } from "../key/event.ts";
import { explain } from "../key/explain.ts";
import type { Key, Standing, Step } from "../key/key.ts";
import { noticed } from "../key/notice.ts";
import { newerOrder } from "../key/owner-order.ts";
import { purge } from "../key/purge.ts";
import { recordOf, type KeyRecord } from "../key/record.ts";
import type { LedgerView } from "../key/recover.ts";
import type { Refusal } from "../key/refusal.ts";
import {
  rotate,
  rotateSelf,
  type RotateCommand,
  type Rotation,
  type SelfRotateCommand,
  type SelfRotation,
} from "../key/rotate.ts";
import type { Peppers } from "../key/seal.ts";
import { settle, type Settlement } from "../key/settle.ts";
import { Asks } from "../key/self-asks.ts";
import { readSelf, revokeSelf, type SelfOutcome } from "../key/self.ts";
import { obey, resume, revoke, suspend, type Suspension } from "../key/standing.ts";
import type { Attempt } from "../key/suspicion.ts";
import { NOTHING_SEEN, type History } from "../key/suspicion-history.ts";
import { after, epochMs, type EpochMs, ForwardClock } from "../key/time.ts";
import { awaitedOrder, withAwaited } from "../key/vacancy.ts";
import { Attachments } from "./attachments.ts";
import { backlogOf } from "./backlog.ts";
import { Book } from "./book.ts";
import { broughtForward } from "./brought-forward.ts";
import { Duties } from "./duties.ts";
import type { Effects } from "./effects.ts";
import { BY_POLICY } from "./errands.ts";
import { endedUnder, Exchanges, type Line } from "./exchanges.ts";
import { freshFor, random } from "./fresh.ts";
import { Outbox } from "./outbox.ts";
import { planOf } from "./plan.ts";
import { Readings } from "./readings.ts";
import { ATTACH_HEADER, NOT_FOUND } from "./rpc.ts";
import type {
  AccountAsk,
  Ask,
  Attach,
  Cause,
  CreateAnswer,
  CreateCommand,
  Decided,
  EventsAsk,
  KeyRpc,
  NotForOneself,
  Obedience,
  OwnerCommand,
  PurgeAnswer,
  Reached,
  ReadAsk,
  Reconciled,
  SelfAnswer,
  SelfAsk,
  SettleCommand,
  WithRecord,
} from "./rpc.ts";
import { State } from "./state.ts";
import { Tally } from "./tally.ts";

/**
 * The one place in the world where one API key is decided: it looks up the rules (`key/`), replaces the state, and
 * answers when storage has it (`State`).
 *
 * A step is synchronous: between looking at the key and replacing it nothing may be awaited, because waiting on
 * anything outside (D1, fetch, a timer) lets another request decide on the same old state. So secrets are hashed
 * before the call, and events leave after it.
 */
export class KeyObject extends DurableObject<Env> implements KeyRpc {
  readonly #config: Config = requireConfig(this.env);
  readonly #peppers: Peppers = peppersOf(this.#config);
  readonly #exchanges = new Exchanges(this.ctx);
  readonly #book = new Book(this.ctx.storage);
  readonly #state = new State(
    this.ctx,
    this.#book,
    (was, next, events) =>
      planOf(was, next, events, { now: this.#clock.now(), exchanging: this.#exchanges.any, chance: Math.random() }),
    (effects) => this.#carryOut(effects),
    this.#config.ledgerEpoch,
  );
  readonly #clock = new ForwardClock(this.#state.key?.use.newest ?? epochMs(0), () => Date.now());
  readonly #outbox = new Outbox(this.env.DB, this.#book, this.#state, this.#clock);
  readonly #tally = new Tally(this.#state, this.#clock, () => this.ctx.waitUntil(this.#tell()));
  readonly #asks = new Asks();
  readonly #attachments = new Attachments(this.#exchanges, this.#state, this.#clock);
  readonly #duties = new Duties({
    book: this.#book,
    state: this.#state,
    clock: this.#clock,
    attachments: this.#attachments,
    tally: this.#tally,
    outbox: this.#outbox,
  });
  readonly #readings = new Readings({
    book: this.#book,
    state: this.#state,
    clock: this.#clock,
    tally: this.#tally,
    duties: this.#duties,
  });

  /** What was refused lately. Lost when the object rests: a refusal writes nothing, unless it raises an alert. */
  #history: History = NOTHING_SEEN;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // The platform gives up on an alarm that failed six times, as while a bad configuration keeps objects from waking.
    this.#book.arm();
    this.#outbox.reassert(this.#config.ledgerEpoch);
  }

  async create(command: CreateCommand): Promise<Decided<CreateAnswer>> {
    const { profile, end, by, idempotency } = command;
    const now = this.#clock.now();
    const { key: existing, vacancy } = this.#state.page;
    if (existing !== null)
      return this.#state.answer(
        withRecord<Creation>(createAgain(existing, idempotency, now, this.#peppers), existing, now),
      );
    if (vacancy?.kind === "purged") return this.#state.answer(createAfterPurge(vacancy, idempotency, now));

    const ownerOrder = newerOrder(command.ownerOrder, awaitedOrder(vacancy, profile.owner));
    if (ownerOrder?.standing === "revoked") return this.#state.answer({ done: false, because: "owner-revoked" });

    const expiresAt = end === null ? null : "at" in end ? epochMs(end.at) : after(now, end.afterSeconds * 1000);
    const fresh = freshFor(profile, this.#peppers);
    const step = create({ ...profile, createdAt: now }, { expiresAt, ownerOrder, idempotency }, fresh, {
      now,
      by,
      reason: null,
      on: stopperOf(command.authority ?? ADMIN),
    });
    this.#state.commit({ ...this.#state.page, key: step.key, vacancy: null }, step.events);
    return this.#answerTold(withRecord<Creation>(step.answer, step.key, now));
  }

  async admit(admission: Admission): Promise<Decided<Verdict>> {
    const key = this.#duties.present();
    if (key !== null) {
      const answer = this.#step(key, (now) => this.#admit(key, admission, now));
      return this.#state.answer(answer);
    }
    return {
      admitted: false,
      at: this.#clock.now(),
      refusal: UNKNOWN,
      identity: null,
      allowance: null,
      decision: null,
    };
  }

  #admit(key: Key, admission: Admission, now: EpochMs): Step<Verdict> {
    const decided = admit(key, admission, now, { mint: () => this.#mintFor(key), random });
    this.#tally.note(admission, decided.answer);
    // Whoever only asks presents nothing: a dry run is information and leaves no trace.
    const step = admission.dryRun
      ? decided
      : this.#noticed(key, decided, attemptOf(admission, decided.answer), { now, by: byAdmission(admission) });
    if (!admission.explain) return step;
    return { ...step, answer: { ...step.answer, explanation: explain(key, admission, now) } };
  }

  async rotate(command: RotateCommand & Ask): Promise<Decided<Reached<WithRecord<Rotation>>>> {
    return this.#change(
      "change",
      command,
      (key, circumstance) => rotate(key, command, this.#mintFor(key), circumstance),
      { bounded: true },
    );
  }

  async revoke(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change("stop", ask, revoke);
  }

  async suspend(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change("stop", ask, suspend);
  }

  async resume(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change("change", ask, resume, {
      barred: ({ suspendedBy }) =>
        mayLift(ask.authority, suspendedBy) ? null : "An operator suspended this key; an operator resumes it.",
    });
  }

  async amend(command: AmendCommand & Ask): Promise<Decided<Reached<WithRecord<Amended>>>> {
    const { scopes: granted = [], expiresAt } = command.amendment;
    return this.#change("change", command, (key, circumstance) => amend(key, command, circumstance), {
      granted,
      bounded: true,
      barred: (standing) =>
        mayEndAt(command.authority, standing, expiresAt)
          ? null
          : "An operator set when this key ends; an operator makes it later.",
    });
  }

  async credit(command: CreditCommand & Ask): Promise<Decided<Reached<WithRecord<Credited>>>> {
    return this.#change("change", command, (key, circumstance) => credit(key, command, circumstance), {
      bounded: true,
    });
  }

  async purge(ask: Ask): Promise<Decided<Reached<PurgeAnswer>>> {
    const { key, vacancy, ...page } = this.#state.page;
    if (key === null) {
      // Asking again is not an error, but only to those who could have asked the first time.
      const known = vacancy?.kind === "purged" && sees(ask.authority, vacancy.owner);
      return this.#state.answer(known ? { reached: true, purged: true, owner: vacancy.owner } : NOT_FOUND);
    }
    const judgement = judge(ask.authority, key.profile, "change");
    if (judgement !== "allowed") return this.#state.answer({ reached: false, because: judgement });
    const tombstone = purge(key, { now: this.#clock.now(), ...ask });
    if (tombstone === null) return this.#state.answer({ reached: true, purged: false });
    // Events that no write has taken along yet are forgotten with the rest.
    this.#state.dropNews();
    this.#tally.clear();
    this.#state.commit({ ...page, key: null, vacancy: tombstone.vacancy }, [tombstone.event]);
    return this.#answerTold({ reached: true, purged: true, owner: key.profile.owner } as const);
  }

  async read(ask: ReadAsk): Promise<Decided<Reached<{ readonly record: KeyRecord }>>> {
    return this.#readings.record(ask);
  }

  async events(ask: EventsAsk): Promise<Decided<Reached<{ readonly events: readonly KeyEvent[] }>>> {
    return this.#readings.events(ask);
  }

  async clients(ask: ReadAsk): Promise<Decided<Reached<{ readonly clients: readonly Client[] }>>> {
    return this.#readings.clients(ask);
  }

  async account(ask: AccountAsk): Promise<Decided<Reached<Account>>> {
    return this.#readings.account(ask);
  }

  async settle({
    id,
    used,
    onlyOwner,
    authority,
  }: SettleCommand): Promise<Decided<WithRecord<Settlement | NotForOneself>>> {
    const key = this.#duties.present();
    if (key === null || (onlyOwner !== null && onlyOwner !== key.profile.owner)) {
      return this.#state.answer({ done: false, because: "not-found", detail: "There is no such reservation." });
    }
    // What is given back is spent again: a control key that settles for itself would decide what it is charged.
    if (authority !== undefined && isSame(authority, key.profile.id)) {
      return this.#state.answer({
        done: false,
        because: "forbidden",
        detail: "A control key settles for others only.",
      });
    }
    const answer = this.#step(key, (now) => {
      const step = this.#noticed(key, settle(key, id, used, now), null, { now, by: BY_POLICY });
      return { ...step, answer: withRecord<Settlement>(step.answer, step.key, now) };
    });
    return this.#state.answer(answer);
  }

  async readSelf(ask: SelfAsk): Promise<Decided<SelfAnswer>> {
    const by = { ...BY_POLICY, ip: ask.ip };
    return this.#self({ ...ask, by }, (key, now) => readSelf(key, ask.presented, ask.ip, this.#asks, now));
  }

  async rotateSelf(command: SelfRotateCommand & Cause): Promise<Decided<WithRecord<SelfRotation>>> {
    return this.#self(command, (key, now) => rotateSelf(key, command, this.#mintFor(key), { now, ...command }));
  }

  async revokeSelf(ask: { readonly presented: Digest } & Cause): Promise<Decided<SelfAnswer>> {
    return this.#self(ask, (key, now) => revokeSelf(key, ask.presented, this.#asks, { now, ...ask }));
  }

  async reconcile(view: LedgerView): Promise<Reconciled> {
    // Nothing is under way: a key that has lost its past must not add to it while it is brought forward.
    while (!this.#state.isSettled) await this.#state.settled();
    const { key, vacancy } = this.#state.page;
    // Nothing brings a key into being here: one whose object has forgotten everything stays unknown, and admits nobody.
    if (key === null && vacancy?.kind !== "purged") return { caughtUp: false, recovered: false };
    const circumstance = { now: this.#clock.now(), by: BY_POLICY, reason: null };
    const forward = broughtForward(this.#state.page, view, (known) => this.#mintFor(known), circumstance);
    if (forward !== null) {
      if (forward.behind !== null) this.#book.goOnBehind(forward.behind);
      this.#state.commit(forward.page, forward.events);
      await this.#state.settled();
      await this.#outbox.flush();
      return { caughtUp: true, recovered: true };
    }
    const isLacking = this.#outbox.isLacking(view);
    const caughtUp = isLacking || backlogOf(this.#state.page) > 0;
    if (isLacking) await this.#outbox.repeat();
    else if (caughtUp) await this.#outbox.flush();
    return { caughtUp, recovered: false };
  }

  async obey({ owner, order, ...ask }: OwnerCommand): Promise<Obedience> {
    const page = this.#state.page;
    const { key } = page;
    if (key === null) {
      // A creation that is still under way will meet the order here.
      const vacancy = withAwaited(page.vacancy, owner, order);
      if (vacancy !== page.vacancy) this.#state.commit({ ...page, vacancy });
      await this.#state.settled();
      return vacancy.kind === "purged" ? { done: true, gone: true } : { done: true };
    }
    // A creation that was repeated for another owner was entered in that owner's roll, and then refused.
    const step = key.profile.owner === owner ? obey(key, order, { now: this.#clock.now(), ...ask }) : null;
    if (step !== null && step.key !== key) {
      const { ownerOrder } = key.standing;
      const lifts = order.standing === "active" && ownerOrder?.standing === "suspended";
      if (lifts && !mayLift(ask.authority, ownerOrder.by)) return { done: false, because: "forbidden" };
      const deed = order.standing === "active" ? "change" : "stop";
      if (judge(ask.authority, key.profile, deed) !== "allowed") return { done: false, because: "forbidden" };
      this.#state.commit({ ...page, key: step.key }, step.events);
    }
    await this.#state.settled();
    await this.#outbox.flushInline();
    return { done: true };
  }

  /** Attaches an exchange that outlives its admission: see `ATTACH_URL`. */
  override async fetch(request: Request): Promise<Response> {
    const wanted = JSON.parse(decodeURIComponent(request.headers.get(ATTACH_HEADER) ?? "null")) as Attach;
    return "admission" in wanted ? this.#attachAdmission(wanted.admission) : this.#attachWatch(wanted);
  }

  /** An exchange is over. The answer tells its Worker that the slot is free; the runtime does not give it by itself. */
  override webSocketClose(line: WebSocket): void {
    line.close(1000);
  }

  /** Nothing is said over these lines but a verdict and an end, and a broken one is gone anyway. */
  override webSocketMessage(): void {}
  override webSocketError(): void {}

  async #attachAdmission(admission: Admission): Promise<Response> {
    const key = this.#duties.present();
    if (key === null) return Response.json(await this.admit(admission));
    let opened: Line | null = null;
    const answer = this.#step(key, (now) => {
      const step = this.#admit(key, { ...admission, open: this.#exchanges.slots }, now);
      // Within the step, before anything is awaited: the next admission counts this slot already.
      if (step.answer.admitted) opened = this.#exchanges.open(step.answer.identity.version, true);
      return step;
    });
    const verdict = await this.#state.answer(answer);
    return opened === null ? Response.json(verdict) : this.#attachments.attach(opened, verdict);
  }

  async #attachWatch({ version, slot }: Extract<Attach, { version: number }>): Promise<Response> {
    // Whatever is decided but not yet durable could still be undone, and must not be what an exchange goes on under.
    await this.#state.settled();
    const because = endedUnder(this.#duties.present(), version, this.#clock.now());
    if (because !== null) return new Response(because, { status: 410 });
    return this.#attachments.attach(this.#exchanges.open(version, slot), null);
  }

  /** Does what is due. Never throws: the platform stops repeating an alarm that keeps failing, we do not. */
  override alarm(): Promise<void> {
    return this.#duties.rang();
  }

  /** Decides on the state as it is now and moves it on. Synchronous; the answer may not leave before that is durable. */
  #step<Answer extends object>(key: Key, decide: (now: EpochMs) => Step<Answer>): Answer {
    const step = decide(this.#clock.now());
    if (step.key !== key) this.#state.commit({ ...this.#state.page, key: step.key }, step.events);
    return step.answer;
  }

  /** Answers when what was decided is durable, and the ledger told, if it listens: a list read afterwards has it. */
  async #answerTold<Answer extends object>(answer: Answer): Promise<Decided<Answer>> {
    const decided = await this.#state.answer(answer);
    await this.#outbox.flushInline();
    return decided;
  }

  /** What a change asks for beyond its own row, now that storage has it: nobody hears of what could still be undone. */
  #carryOut({ cut }: Effects): void {
    if (cut) this.#attachments.cut();
  }

  /**
   * A change on somebody's authority, which is judged in the same step. The ledger is told before the answer, if it
   * listens.
   */
  async #change<Answer extends { readonly done: boolean }>(
    deed: Deed,
    ask: Ask,
    decide: (key: Key, circumstance: Circumstance) => Step<Answer>,
    { granted = [], bounded = false, barred = () => null }: Bounds = {},
  ): Promise<Decided<Reached<WithRecord<Answer>>>> {
    const key = this.#duties.present();
    if (key === null) return this.#state.answer(NOT_FOUND);
    const judgement = judge(ask.authority, key.profile, deed);
    if (judgement !== "allowed") return this.#state.answer({ reached: false, because: judgement });
    if (!mayGrant(ask.authority, granted)) return this.#state.answer({ reached: false, because: "forbidden" });
    const detail = key.standing.revokedAt === null ? barred(key.standing) : null;
    if (detail !== null) return this.#state.answer({ reached: false, because: "forbidden", detail });

    const answer = this.#step(key, (now): Step<Reached<WithRecord<Answer>>> => {
      const { by, reason, authority } = ask;
      const step = this.#noticed(key, decide(key, { now, by, reason, on: stopperOf(authority) }), null, { now, by });
      const { profile, standing } = step.key;
      const outside = bounded && step.answer.done ? beyond(boundaryOf(authority), { profile, ...standing }) : null;
      // The key as it was: what would have become of it is dropped.
      if (outside !== null)
        return { key, events: [], answer: { reached: false, because: "forbidden", detail: outside } };
      return { ...step, answer: { reached: true as const, ...withRecord(step.answer, step.key, now) } };
    });
    return this.#answerTold(answer);
  }

  /** What a key does on the strength of its own secret. An id without a key is nobody's secret. */
  async #self<Answer extends SelfOutcome | SelfRotation>(
    { presented, by }: { readonly presented: Digest; readonly by: By },
    decide: (key: Key, now: EpochMs) => Step<Answer>,
  ): Promise<Decided<WithRecord<Answer> | { readonly done: false; readonly refusal: Refusal }>> {
    const key = this.#duties.present();
    if (key === null) return { done: false, refusal: UNKNOWN, decision: null };
    const answer = this.#step(key, (now) => {
      const decided = decide(key, now);
      const refused = decided.answer.done ? null : decided.answer.refusal.reason;
      const step = this.#noticed(key, decided, { presented, ip: by.ip, refused }, { now, by });
      return { ...step, answer: withRecord(step.answer, step.key, now) };
    });
    return this.#answerTold(answer);
  }

  /** The step, with all that people should hear of because of it. */
  #noticed<Answer>(
    key: Key,
    step: Step<Answer>,
    attempt: Attempt | null,
    cause: Pick<Circumstance, "now" | "by">,
  ): Step<Answer> {
    const seen = noticed(key, step, attempt, this.#history, { ...cause, reason: null });
    this.#history = seen.history;
    return seen.step;
  }

  /** Tells the ledger what there is, as soon as storage has it. */
  async #tell(): Promise<void> {
    await this.#state.settled();
    await this.#outbox.flush();
  }

  #mintFor({ profile }: Key): Fresh {
    return freshFor(profile, this.#peppers);
  }
}

/** `granted`: scopes that the key is to hold. `barred`: why the standing keeps this caller from it; `null`: it does not. */
type Bounds = {
  readonly granted?: readonly string[];
  /** Whether the key as it would be is judged by the boundary of whoever asks. */
  readonly bounded?: boolean;
  readonly barred?: (standing: Standing) => string | null;
};

/** What an admission was to whoever looks for something suspicious. */
const attemptOf = ({ presented, ip, alsoRefused = 0 }: Admission, verdict: Verdict): Attempt => ({
  presented,
  ip,
  more: alsoRefused,
  refused: verdict.admitted ? null : verdict.refusal.reason,
});

const byAdmission = ({ requestId = "", ip, call }: Admission): By => ({
  ...BY_POLICY,
  requestId,
  ip,
  country: call?.country ?? null,
});

const UNKNOWN = { reason: "unknown-key" } as const;

/** An answer with the record as it is after the step, if the step did what was asked. */
const withRecord = <Answer extends object>(answer: Answer, key: Key, now: EpochMs): WithRecord<Answer> =>
  ("done" in answer && answer.done ? { ...answer, record: recordOf(key, now) } : answer) as WithRecord<Answer>;
