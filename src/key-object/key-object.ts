import { DurableObject } from "cloudflare:workers";
import { requireConfig, type Config, type Env } from "../env.ts";
import type { Admission } from "../key/admission.ts";
import { admit, type Verdict } from "../key/admit.ts";
import { amend, credit, type AmendCommand, type Amended, type CreditCommand, type Credited } from "../key/amend.ts";
import { judge, sees, type Authority } from "../key/authority.ts";
import type { Random } from "../key/base62.ts";
import { note, obey, resume, revoke, suspend, type Circumstance, type Suspension } from "../key/change.ts";
import { create, createAfterPurge, createAgain, type Creation, type Fresh } from "../key/create.ts";
import { hintOf, mint, type KeyId } from "../key/credential.ts";
import { digestOf, type Digest } from "../key/digest.ts";
import type { KeyEvent } from "../key/event.ts";
import { endRest, restMayEndAt } from "../key/end-rest.ts";
import { explain } from "../key/explain.ts";
import { announceRotation } from "../key/follow-policy.ts";
import { holds, nextEnd } from "../key/hold.ts";
import type { Key, Step } from "../key/key.ts";
import { newerOrder } from "../key/owner-order.ts";
import { purge } from "../key/purge.ts";
import { withoutRepeat } from "../key/receipt.ts";
import { recordOf, type KeyRecord } from "../key/record.ts";
import type { Refusal } from "../key/refusal.ts";
import {
  rotate,
  rotateSelf,
  type RotateCommand,
  type Rotation,
  type SelfRotateCommand,
  type SelfRotation,
} from "../key/rotate.ts";
import { nextTimeout } from "../key/reservation.ts";
import { closeExpired, settle, type Settlement } from "../key/settle.ts";
import { dueSoonAt, isDueSoon } from "../key/rotation-policy.ts";
import { readSelf, revokeSelf, type SelfOutcome } from "../key/self.ts";
import { after, epochMs, ForwardClock, type EpochMs } from "../key/time.ts";
import { awaitedOrder, withAwaited } from "../key/vacancy.ts";
import { backoffMs, isDue, withDue, withoutTask, withTask, type Agenda, type TaskName } from "./agenda.ts";
import { Book, type Page } from "./book.ts";
import { Exchanges } from "./exchanges.ts";
import { Outbox } from "./outbox.ts";
import { ATTACH_HEADER } from "./rpc.ts";
import type {
  Ask,
  Attach,
  Cause,
  CreateAnswer,
  CreateCommand,
  Decided,
  EventsAsk,
  KeyRpc,
  Obedience,
  OwnerCommand,
  PurgeAnswer,
  Reached,
  SelfAnswer,
  SelfAsk,
  SettleCommand,
  WithRecord,
} from "./rpc.ts";

/** How long a command waits for the ledger, so that a list read after it sees it, in milliseconds. */
const INLINE_DELIVERY_MS = 300;

/**
 * The one place in the world where one API key is decided.
 *
 * A step is synchronous: between looking at the key and replacing it nothing may be awaited, because waiting on
 * anything outside (D1, fetch, a timer) lets another request decide on the same old state. So secrets are hashed
 * before the call, and events leave after it.
 *
 * No answer leaves before the state it was decided on is durable. Steps that are decided while a write is on its way
 * share the next one: under load many admissions cost one row, alone one costs one. A write also fences: an instance
 * that has lost its place cannot confirm it, so it cannot let anybody in.
 */
export class KeyObject extends DurableObject<Env> implements KeyRpc {
  #config: Config = requireConfig(this.env);
  #book = new Book(this.ctx.storage);
  /** The newest state, ahead of storage while a write is on its way; `null` for an id that was never provisioned. */
  #page: Page | null = this.#wake();
  #clock = new ForwardClock(this.#page?.key?.use.newest ?? epochMs(0), () => Date.now());
  #outbox = new Outbox(this.env.DB, this.#book, {
    now: () => this.#clock.now(),
    delivered: (through) => this.#delivered(through),
    failed: (cause) => this.#deliveryFailed(cause),
  });
  #exchanges = new Exchanges(this.ctx);
  /** Events that the next write takes along. */
  #events: KeyEvent[] = [];
  /** How many decisions this instance has numbered. */
  #decisions = 0;
  /** Whether this instance has changed anything. */
  #changed = false;
  /** How many states were decided, and how many of them storage has confirmed. */
  #decided = 0;
  #durable = 0;
  #writing: Promise<void> | null = null;

  async create(command: CreateCommand): Promise<Decided<CreateAnswer>> {
    const { profile, end, by, idempotency } = command;
    const now = this.#clock.now();
    const { key: existing, vacancy } = this.#page ?? NOTHING;
    if (existing !== null)
      return this.#answer(withRecord<Creation>(createAgain(existing, idempotency, now), existing, now));
    if (vacancy?.kind === "purged") return this.#answer(createAfterPurge(vacancy, idempotency, now));

    const ownerOrder = newerOrder(command.ownerOrder, awaitedOrder(vacancy, profile.owner));
    if (ownerOrder?.standing === "revoked") return this.#answer({ done: false, because: "owner-revoked" });

    const expiresAt = end === null ? null : "at" in end ? epochMs(end.at) : after(now, end.afterSeconds * 1000);
    const fresh = this.#mint(profile.id, profile.prefix);
    const step = create({ ...profile, createdAt: now }, { expiresAt, ownerOrder, idempotency }, fresh, {
      now,
      by,
      reason: null,
    });
    const { boot } = this.#page ?? NOTHING;
    this.#replace({ key: step.key, vacancy: null, boot, delivered: 0, agenda: new Map() }, step.events);
    const answer = await this.#answer(withRecord<Creation>(step.answer, step.key, now));
    await this.#deliverInline();
    return answer;
  }

  async admit(admission: Admission): Promise<Decided<Verdict>> {
    const key = this.#present();
    if (key !== null) {
      return this.#step(key, (now) => this.#admit(key, admission, now));
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
    const step = admit(key, admission, now, { mint: () => this.#mintFor(key), random });
    if (!admission.explain) return step;
    return { ...step, answer: { ...step.answer, explanation: explain(key, admission, now) } };
  }

  async rotate(command: RotateCommand & Ask): Promise<Decided<Reached<WithRecord<Rotation>>>> {
    return this.#change(command, (key, circumstance) => rotate(key, command, this.#mintFor(key), circumstance));
  }

  async revoke(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change(ask, revoke);
  }

  async suspend(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change(ask, suspend);
  }

  async resume(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>> {
    return this.#change(ask, resume);
  }

  async amend(command: AmendCommand & Ask): Promise<Decided<Reached<WithRecord<Amended>>>> {
    const granted = command.amendment.scopes ?? [];
    return this.#change(command, (key, circumstance) => amend(key, command, circumstance), granted);
  }

  async credit(command: CreditCommand & Ask): Promise<Decided<Reached<WithRecord<Credited>>>> {
    return this.#change(command, (key, circumstance) => credit(key, command, circumstance));
  }

  async purge(ask: Ask): Promise<Decided<Reached<PurgeAnswer>>> {
    const { key, vacancy, ...page } = this.#page ?? NOTHING;
    if (key === null) {
      // Asking again is not an error, but only to those who could have asked the first time.
      const known = vacancy?.kind === "purged" && sees(ask.authority, vacancy.owner);
      return this.#answer(known ? { reached: true, purged: true } : NOT_FOUND);
    }
    const judgement = judge(ask.authority, key.profile);
    if (judgement !== "allowed") return this.#answer({ reached: false, because: judgement });
    const tombstone = purge(key, { now: this.#clock.now(), ...ask });
    if (tombstone === null) return this.#answer({ reached: true, purged: false });
    // Events that no write has taken along yet are forgotten with the rest.
    this.#events.length = 0;
    this.#replace({ ...page, key: null, vacancy: tombstone.vacancy }, [tombstone.event]);
    const answer = await this.#answer({ reached: true, purged: true } as const);
    await this.#deliverInline();
    return answer;
  }

  async read({
    authority,
  }: {
    readonly authority: Authority;
  }): Promise<Decided<Reached<{ readonly record: KeyRecord }>>> {
    const key = this.#visible(authority);
    if (key === null) return this.#answer(NOT_FOUND);
    return this.#answer({ reached: true, record: recordOf(key, this.#clock.now()) });
  }

  async events({
    authority,
    before,
    limit,
  }: EventsAsk): Promise<Decided<Reached<{ readonly events: readonly KeyEvent[] }>>> {
    if (this.#visible(authority) === null) return this.#answer(NOT_FOUND);
    // After the answer was settled, so that nothing is told that a crash could still undo.
    const answer = await this.#answer({ reached: true } as const);
    return { ...answer, events: this.#book.eventsBefore(before, limit) };
  }

  async settle({ id, used, onlyOwner }: SettleCommand): Promise<Decided<WithRecord<Settlement>>> {
    const key = this.#present();
    if (key === null || (onlyOwner !== null && onlyOwner !== key.profile.owner)) {
      return this.#answer({ done: false, because: "not-found", detail: "There is no such reservation." });
    }
    return this.#step(key, (now) => {
      const step = settle(key, id, used, now);
      return { ...step, answer: withRecord<Settlement>(step.answer, step.key, now) };
    });
  }

  async readSelf({ presented, ip }: SelfAsk): Promise<Decided<SelfAnswer>> {
    return this.#self((key, now) => readSelf(key, presented, ip, now));
  }

  async rotateSelf(command: SelfRotateCommand & Cause): Promise<Decided<WithRecord<SelfRotation>>> {
    return this.#self((key, now) => rotateSelf(key, command, this.#mintFor(key), { now, ...command }));
  }

  async revokeSelf(ask: { readonly presented: Digest } & Cause): Promise<Decided<SelfAnswer>> {
    return this.#self((key, now) => revokeSelf(key, ask.presented, { now, ...ask }));
  }

  async obey({ owner, order, ...ask }: OwnerCommand): Promise<Obedience> {
    const page = this.#page ?? NOTHING;
    const { key } = page;
    if (key === null) {
      // A creation that is still under way will meet the order here.
      const vacancy = withAwaited(page.vacancy, owner, order);
      if (vacancy !== page.vacancy) this.#replace({ ...page, vacancy }, []);
      await this.#settled();
      return { done: true };
    }
    // A creation that was repeated for another owner was entered in that owner's roll, and then refused.
    const step = key.profile.owner === owner ? obey(key, order, { now: this.#clock.now(), ...ask }) : null;
    if (step !== null && step.key !== key) {
      if (judge(ask.authority, key.profile) !== "allowed") return { done: false, because: "forbidden" };
      this.#replace({ ...page, key: step.key }, step.events);
    }
    await this.#settled();
    this.#cutExchanges();
    await this.#deliverInline();
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
    const key = this.#present();
    if (key === null) return Response.json(await this.admit(admission));
    let opened: ReturnType<Exchanges["open"]> | null = null;
    const verdict = await this.#step(key, (now) => {
      const step = this.#admit(key, { ...admission, open: this.#exchanges.slots }, now);
      // Within the step, before anything is awaited: the next admission counts this slot already.
      if (step.answer.admitted) opened = this.#exchanges.open(step.answer.identity.version, true);
      return step;
    });
    return opened === null ? Response.json(verdict) : this.#attached(opened, verdict);
  }

  async #attachWatch({ version, slot }: Extract<Attach, { version: number }>): Promise<Response> {
    // Whatever is decided but not yet durable could still be undone, and must not be what an exchange goes on under.
    await this.#settled();
    const key = this.#present();
    if (key === null || !holds(key, version, this.#clock.now())) return new Response(null, { status: 410 });
    return this.#attached(this.#exchanges.open(version, slot), null);
  }

  /** Hands out the far end of an exchange, once it is on the agenda when it is to be cut at the latest. */
  async #attached({ near, far }: ReturnType<Exchanges["open"]>, verdict: Decided<Verdict> | null): Promise<Response> {
    this.#planCut();
    await this.#settled();
    if (verdict !== null) near.send(JSON.stringify(verdict));
    return new Response(null, { status: 101, webSocket: far });
  }

  /** Does what is due. Never throws: the platform stops repeating an alarm that keeps failing, we do not. */
  override async alarm(): Promise<void> {
    this.#book.alarmRang();
    // What happens here first, what needs others last: while one waits for them, no second alarm rings.
    if (this.#isDue("erase-repeat")) this.#eraseRepeat();
    if (this.#isDue("cut-exchanges")) {
      this.#housekeep(this.#page!, withoutTask(this.#page!.agenda, "cut-exchanges"));
      this.#cutExchanges();
    }
    this.#present();
    if (this.#isDue("announce-rotation")) this.#announceRotation();
    if (this.#isDue("deliver")) await this.#outbox.flush();
    await this.#settled();
    this.#book.arm();
  }

  /** Decides on the state as it is now, replaces it, and answers when that is durable. */
  #step<Answer extends object>(key: Key, decide: (now: EpochMs) => Step<Answer>): Promise<Decided<Answer>> {
    const step = decide(this.#clock.now());
    if (step.key !== key) this.#replace({ ...this.#page!, key: step.key }, step.events);
    return this.#answer(step.answer);
  }

  /**
   * A change on somebody's authority, which is judged in the same step. The ledger is told before the answer, if it
   * listens.
   */
  async #change<Answer extends object>(
    ask: Ask,
    decide: (key: Key, circumstance: Circumstance) => Step<Answer>,
    granted: readonly string[] = [],
  ): Promise<Decided<Reached<WithRecord<Answer>>>> {
    const key = this.#present();
    if (key === null) return this.#answer(NOT_FOUND);
    const { owner, scopes } = key.profile;
    const judgement = judge(ask.authority, { owner, scopes: [...scopes, ...granted] });
    if (judgement !== "allowed") return this.#answer({ reached: false, because: judgement });

    const answer = await this.#step(key, (now) => {
      const step = decide(key, { now, by: ask.by, reason: ask.reason });
      return { ...step, answer: { reached: true as const, ...withRecord(step.answer, step.key, now) } };
    });
    this.#cutExchanges();
    await this.#deliverInline();
    return answer;
  }

  /** What a key does on the strength of its own secret. An id without a key is nobody's secret. */
  async #self<Answer extends SelfOutcome | SelfRotation>(
    decide: (key: Key, now: EpochMs) => Step<Answer>,
  ): Promise<Decided<WithRecord<Answer> | { readonly done: false; readonly refusal: Refusal }>> {
    const key = this.#present();
    if (key === null) return { done: false, refusal: UNKNOWN, decision: null };
    const answer = await this.#step(key, (now) => {
      const step = decide(key, now);
      return { ...step, answer: withRecord(step.answer, step.key, now) };
    });
    this.#cutExchanges();
    await this.#deliverInline();
    return answer;
  }

  #visible(authority: Authority): Key | null {
    const key = this.#present();
    return key !== null && sees(authority, key.profile.owner) ? key : null;
  }

  /** The key as it stands now: what was due by its time has happened, however late the alarm may be. */
  #present(): Key | null {
    if (this.#isDue("close-reservations")) this.#closeReservations();
    if (this.#isDue("end-rest")) this.#endRest();
    return this.#page?.key ?? null;
  }

  /** The one way in which the state moves on. What is to be done later goes onto the agenda with it. */
  #replace(page: Page, events: readonly KeyEvent[]): void {
    const now = this.#clock.now();
    let { agenda } = page;
    if (events.length > 0 && !agenda.has("deliver")) {
      agenda = withTask(agenda, "deliver", { dueAt: after(now, backoffMs(0, Math.random())), attempts: 0 });
    }
    const repeat = page.key?.receipts.repeat ?? null;
    if (repeat !== null && repeat !== this.#page?.key?.receipts.repeat) {
      agenda = withTask(agenda, "erase-repeat", { dueAt: repeat.validUntil, attempts: 0 });
    }
    // What an instance numbers before its first change dies with it if it ends there, and the next instance begins with
    // the same boot. So the first change begins another: no number of a change was ever given to a refusal.
    const boot = this.#changed ? page.boot : page.boot + 1;
    this.#changed = true;
    this.#page = { ...page, boot, agenda: this.#planned(page, agenda) };
    this.#events.push(...events);
    this.#decided += 1;
  }

  /** The agenda with what the key's policy wants done later, as far as this step has changed it. */
  #planned({ key }: Page, agenda: Agenda): Agenda {
    const was = this.#page?.key ?? null;
    let planned = agenda;
    if (key?.reservations !== was?.reservations) {
      planned = withDue(planned, "close-reservations", key && nextTimeout(key.reservations));
    }
    if (key?.profile.idleSeconds !== null && key?.standing !== was?.standing) {
      planned = withDue(planned, "end-rest", key && restMayEndAt(key));
    }
    if (key?.profile.rotation !== was?.profile.rotation || key?.standing.version !== was?.standing.version) {
      planned = withDue(planned, "announce-rotation", key && dueSoonAt(key));
    }
    // Whoever closes nothing costs nothing: without an open exchange there is nothing to cut.
    if (key !== null && key.standing !== was?.standing && this.#exchanges.any) {
      planned = withDue(planned, "cut-exchanges", nextEnd(key, this.#clock.now()));
    }
    return planned;
  }

  /** Numbers an answer and lets it go when the state it was decided on is durable. */
  async #answer<Answer extends object>(answer: Answer): Promise<Decided<Answer>> {
    this.#decisions += 1;
    const decision = this.#page?.key ? `${this.#page.boot}.${this.#decisions}` : null;
    await this.#settled();
    return { ...answer, decision };
  }

  /** Waits until everything decided so far is durable. */
  async #settled(): Promise<void> {
    const mine = this.#decided;
    for (let isNext = false; this.#durable < mine; isNext = true) await (this.#writing ??= this.#commit(isNext));
  }

  /** @param isNext whether it follows on another write without a pause. */
  async #commit(isNext: boolean): Promise<void> {
    // Then a breath first: the answers of the last batch leave before this write closes the output gate on them, and
    // whoever arrives meanwhile shares it. Twice as many admissions a row, same speed.
    if (isNext) await scheduler.wait(0);
    const covers = this.#decided;
    try {
      this.#book.write(this.#page!, this.#events.splice(0));
      await this.ctx.storage.sync();
      this.#durable = covers;
    } catch (cause) {
      // Memory is ahead of storage and must not decide anything more.
      this.ctx.abort("a write failed: the key in memory is ahead of its storage");
      throw cause;
    } finally {
      this.#writing = null;
    }
  }

  async #deliverInline(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.#outbox.flush(), scheduler.wait(INLINE_DELIVERY_MS, { signal: patience.signal })]);
    // A timer that nobody waits for would keep the object awake.
    patience.abort();
  }

  #delivered(through: number): void {
    const page = this.#page!;
    const caughtUp = through >= sequenceOf(page);
    this.#housekeep({ ...page, delivered: through }, caughtUp ? withoutTask(page.agenda, "deliver") : page.agenda);
  }

  #deliveryFailed(cause: unknown): void {
    const page = this.#page!;
    const keyId = page.key?.profile.id;
    console.warn({ message: "the ledger could not be told", keyId, cause: String(cause) });
    const now = this.#clock.now();
    // A change that finds the ledger down must not put off the attempt that is planned already.
    if (!isDue(page.agenda, "deliver", now)) return;
    const attempts = (page.agenda.get("deliver")?.attempts ?? 0) + 1;
    const dueAt = after(now, backoffMs(attempts, Math.random()));
    this.#housekeep(page, withTask(page.agenda, "deliver", { dueAt, attempts }));
  }

  #eraseRepeat(): void {
    const page = this.#page!;
    const { key } = page;
    const erased = key === null ? page : { ...page, key: { ...key, receipts: withoutRepeat(key.receipts) } };
    this.#housekeep(erased, withoutTask(page.agenda, "erase-repeat"));
  }

  /** Puts on the agenda when the next exchange may have to be cut, if any is open. */
  #planCut(): void {
    const page = this.#page;
    if (page === null || page.key === null || !this.#exchanges.any) return;
    const agenda = withDue(page.agenda, "cut-exchanges", nextEnd(page.key, this.#clock.now()));
    if (agenda !== page.agenda) this.#housekeep(page, agenda);
  }

  /** Cuts what was admitted under a version that no longer holds, and notes how many there were. */
  #cutExchanges(): void {
    const page = this.#page;
    if (page === null || !this.#exchanges.any) return;
    const now = this.#clock.now();
    const count = this.#exchanges.cut(page.key, now);
    if (count > 0 && page.key !== null) {
      const step = note(page.key, "key.exchanges-cut", this.#byPolicy(), { count });
      this.#replace({ ...page, key: step.key }, step.events);
      this.ctx.waitUntil(this.#settled());
    }
    this.#planCut();
  }

  #closeReservations(): void {
    const page = this.#page!;
    const key = page.key === null ? null : closeExpired(page.key, this.#clock.now());
    this.#housekeep({ ...page, key }, withDue(page.agenda, "close-reservations", key && nextTimeout(key.reservations)));
  }

  #endRest(): void {
    const page = this.#page!;
    const { key } = page;
    const step = key && endRest(key, this.#byPolicy());
    // It was used since: every use moves the end, and none of them writes an agenda.
    if (step === null) return this.#housekeep(page, withDue(page.agenda, "end-rest", key && restMayEndAt(key)));
    this.#replace({ ...page, key: step.key }, step.events);
    this.ctx.waitUntil(this.#settled());
    this.#cutExchanges();
  }

  #announceRotation(): void {
    const page = this.#page!;
    const { key } = page;
    const agenda = withoutTask(page.agenda, "announce-rotation");
    const circumstance = this.#byPolicy();
    if (key === null || !isDueSoon(key, circumstance.now)) return this.#housekeep(page, agenda);
    const step = announceRotation(key, circumstance);
    this.#replace({ ...page, key: step.key, agenda }, step.events);
    this.ctx.waitUntil(this.#settled());
  }

  /** Nobody asked: the key's own policy has it so. */
  #byPolicy(): Circumstance {
    const by = { actor: "policy", requestId: "", ip: null, userAgent: null, country: null };
    return { now: this.#clock.now(), by, reason: null };
  }

  /** Moves on the state where nobody waits for an answer. */
  #housekeep(page: Page, agenda: Agenda): void {
    this.#page = { ...page, agenda };
    this.#decided += 1;
    this.ctx.waitUntil(this.#settled());
  }

  #isDue(task: TaskName): boolean {
    return this.#page !== null && isDue(this.#page.agenda, task, this.#clock.now());
  }

  /** The state as storage has it, with the next boot: the first write after waking makes the number durable. */
  #wake(): Page | null {
    const page = this.#book.written;
    if (page === null) return null;
    // The platform gives up on an alarm that failed six times, as while a bad configuration keeps objects from waking.
    this.#book.arm();
    return { ...page, boot: page.boot + 1 };
  }

  #mintFor({ profile }: Key): Fresh {
    return this.#mint(profile.id, profile.prefix);
  }

  #mint(keyId: KeyId, prefix: string): Fresh {
    const { signingPepper: pepper } = this.#config;
    const credential = mint(keyId, { prefix, pepper, random });
    const secret = { digest: digestOf(credential), hint: hintOf(credential), pepper: pepper.id };
    return { credential, secret, random };
  }
}

const random: Random = (bytes) => crypto.getRandomValues(bytes);

const NOTHING: Page = { key: null, vacancy: null, boot: 0, delivered: 0, agenda: new Map() };
const NOT_FOUND = { reached: false, because: "not-found" } as const;
const UNKNOWN = { reason: "unknown-key" } as const;

const sequenceOf = ({ key, vacancy }: Page): number =>
  key?.standing.sequence ?? (vacancy?.kind === "purged" ? vacancy.sequence : 0);

/** An answer with the record as it is after the step, if the step did what was asked. */
const withRecord = <Answer extends object>(answer: Answer, key: Key, now: EpochMs): WithRecord<Answer> =>
  ("done" in answer && answer.done ? { ...answer, record: recordOf(key, now) } : answer) as WithRecord<Answer>;
