import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import type { Ask, KeyRpc, Obedience, OwnerCommand } from "../key-object/rpc.ts";
import { mayLift, stopperOf } from "../key/authority.ts";
import type { KeyId } from "../key/credential.ts";
import type { OwnerOrder, OwnerStanding } from "../key/owner-order.ts";
import { idsOfOwner } from "../ledger/keys.ts";
import { recordOwner } from "../ledger/owners.ts";
import { orAfter } from "../or-after.ts";
import { DECIDE_MS, type OwnerAnswer, type OwnerProgress, type OwnerRpc } from "./rpc.ts";
import { RollBook, type Roll } from "./roll.ts";

/** How many keys' objects are asked at a time, and in one invocation: the platform bounds the calls of an invocation. */
const AT_A_TIME = 32;
const PER_INVOCATION = 480;
const CALL_TIMEOUT_MS = 5_000;
/** How soon the alarm goes on after a part, and after a failure, in milliseconds. */
const NEXT_PART_MS = 10;
const AFTER_FAILURE_MS = 5_000;
const PAGE = 1_000;

/**
 * The roll of one owner's keys, and the authority on whether the owner stands.
 *
 * A key is entered here before its object creates it, and the decision is written here before any key hears of it. So
 * whichever comes first, every key meets the decision: one that exists is told, one that is being created meets it in
 * its object, and one that is entered later is told at its entry. D1 takes no part in that; it is only searched for
 * keys that were created before this object existed.
 */
export class OwnerObject extends DurableObject<Env> implements OwnerRpc {
  #book = new RollBook(this.ctx.storage);
  #roll: Roll | null = this.#book.read();
  #calling: { readonly ask: Ask | null; readonly pass: Promise<boolean> } | null = null;
  /** Whether the last attempt to search the ledger failed. */
  #ledgerFailed = false;

  async register(owner: string, keyId: KeyId): Promise<OwnerOrder> {
    const { order } = this.#known(owner);
    // The caller hands this order to the key's object with the creation; a newer one will find the key behind.
    if (order.standing !== "revoked") this.#book.enter([keyId], order.revision);
    return order;
  }

  async forget(keyId: KeyId): Promise<void> {
    if (this.#roll !== null) this.#book.forget([keyId]);
  }

  async decide(owner: string, standing: OwnerStanding, ask: Ask): Promise<OwnerAnswer> {
    const deadline = Date.now() + DECIDE_MS;
    // A name that was never heard of is a typing error, and nothing is as dangerous as one that looks like success.
    if (this.#roll === null && !(await this.#mayHaveKeys(owner))) return { done: false, because: "not-found" };

    const roll = this.#known(owner);
    const { order } = roll;
    if (order.standing === "revoked" && standing !== "revoked") return { done: false, because: "owner-revoked" };
    const by = stopperOf(ask.authority);
    if (standing === "active" && order.standing === "suspended" && !mayLift(ask.authority, order.by)) {
      return { done: false, because: "forbidden" };
    }
    // An operator who suspends what somebody else has suspended makes it an operator's suspension, at every key.
    const isTakenOver = standing === "suspended" && by === "operator" && order.by !== by;
    if (order.standing !== standing || isTakenOver) {
      this.#write({ ...roll, order: { standing, revision: order.revision + 1, by }, ask });
    } else if (roll.ask !== null && roll.ask.authority.kind !== "admin") {
      // Whoever repeats it may reach keys that the one before could not.
      this.#write({ ...roll, ask });
      this.#book.forgetForbidden();
    }
    // From here on nothing is lost: if this call ends, the alarm goes on.
    await this.ctx.storage.setAlarm(Date.now() + AFTER_FAILURE_MS);
    await orAfter(this.#callTheRoll(deadline), deadline - Date.now(), undefined);
    return { done: true, ...this.#progress() };
  }

  override async alarm(): Promise<void> {
    if (this.#roll === null) return;
    const complete = await this.#callTheRoll(Infinity);
    const { keys, acknowledged, forbidden, ledger } = this.#progress();
    const settled = acknowledged + forbidden === keys && ledger === "searched";
    if (settled && this.#roll.told >= this.#roll.order.revision) return;
    await this.ctx.storage.setAlarm(Date.now() + (complete ? AFTER_FAILURE_MS : NEXT_PART_MS));
  }

  /** One pass over the keys that are behind. Answers whether it came to the end of them; never throws. */
  async #callTheRoll(deadline: number): Promise<boolean> {
    const { ask } = this.#roll!;
    // A pass for an earlier decision, or on another's authority, asks nobody for this one.
    while (this.#calling !== null && this.#calling.ask !== ask) await this.#calling.pass;
    this.#calling ??= {
      ask,
      pass: this.#pass(this.#roll!, deadline).finally(() => {
        this.#calling = null;
      }),
    };
    return this.#calling.pass;
  }

  async #pass({ name, order, ask }: Roll, deadline: number): Promise<boolean> {
    let left = PER_INVOCATION;
    // Keys that do not answer stay behind; the pass goes on behind them and the next one asks them again.
    const callThose = async (): Promise<boolean> => {
      for (let after = ""; ;) {
        const behind = this.#book.behind(order.revision, after, AT_A_TIME);
        if (behind.length === 0) return true;
        if (left < behind.length || Date.now() > deadline) return false;
        left -= behind.length;
        after = behind.at(-1)!;
        await this.#callEach(behind, { owner: name, order, ...ask! });
      }
    };
    if (order.revision === 0) return true;
    if (!(await callThose())) return false;
    await this.#searchLedger(order);
    const complete = await callThose();
    await this.#tellLedger(order);
    return complete;
  }

  async #callEach(keyIds: readonly KeyId[], command: OwnerCommand): Promise<void> {
    const { revision } = command.order;
    const answers = await Promise.all(
      keyIds.map(async (keyId) => {
        const key = this.env.KEYS.getByName(keyId) as unknown as KeyRpc;
        // A call without an answer may still have been carried out: it is simply made again.
        const call: Promise<Obedience | null> = key.obey(command).catch(() => null);
        return { keyId, answer: await orAfter(call, CALL_TIMEOUT_MS, null) };
      }),
    );
    const those = (done: boolean) => answers.filter(({ answer }) => answer?.done === done).map(({ keyId }) => keyId);
    this.#book.acknowledge(those(true), revision);
    this.#book.forbid(those(false), revision);
    this.#book.forget(answers.filter(({ answer }) => answer?.done && answer.gone).map(({ keyId }) => keyId));
  }

  /** Whether the ledger has keys of this owner, or cannot say. */
  async #mayHaveKeys(owner: string): Promise<boolean> {
    try {
      return (await idsOfOwner(this.env.DB, owner, "", 1)).length > 0 || this.#roll !== null;
    } catch {
      return true;
    }
  }

  /** Enters the keys that were created before there was a roll: those that only the ledger knows of. */
  async #searchLedger(order: OwnerOrder): Promise<void> {
    const roll = this.#roll!;
    if (roll.searched >= order.revision) return;
    try {
      for (let after = ""; ;) {
        const keyIds = await idsOfOwner(this.env.DB, roll.name, after, PAGE);
        if (keyIds.length > 0) this.#book.enter(keyIds, 0);
        if (keyIds.length < PAGE) break;
        after = keyIds.at(-1)!;
      }
      this.#write({ ...this.#roll!, searched: order.revision });
      this.#ledgerFailed = false;
    } catch (cause) {
      this.#ledgerFailed = true;
      console.warn({ message: "the ledger could not be searched for an owner's keys", cause: String(cause) });
    }
  }

  async #tellLedger(order: OwnerOrder): Promise<void> {
    const roll = this.#roll!;
    if (roll.told >= order.revision) return;
    try {
      await recordOwner(this.env.DB, roll.name, order);
      this.#write({ ...this.#roll!, told: order.revision });
    } catch (cause) {
      console.warn({ message: "the ledger could not be told of an owner", cause: String(cause) });
    }
  }

  #progress(): OwnerProgress {
    const { order, searched } = this.#roll!;
    return {
      standing: order.standing,
      ...this.#book.count(order.revision),
      ledger: searched >= order.revision ? "searched" : this.#ledgerFailed ? "unreachable" : "pending",
    };
  }

  #known(owner: string): Roll {
    if (this.#roll === null) {
      this.#write({
        name: owner,
        order: { standing: "active", revision: 0, by: "operator" },
        ask: null,
        searched: 0,
        told: 0,
      });
    }
    return this.#roll!;
  }

  #write(roll: Roll): void {
    this.#book.write(roll);
    this.#roll = roll;
  }
}
