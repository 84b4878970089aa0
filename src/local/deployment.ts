import { controlClient, selfClient, valueOf, type ControlClient } from "../client/index.ts";

/** Keys that are rotated side by side. Rotations of one key follow each other. */
const LANES = 8;
const QUOTA = 50;
const AT_ONCE = 500;

/** A deployment under examination, and the keys that were made for it. */
export class Deployment {
  /** How much did not hold. */
  broken = 0;
  readonly #url: string;
  readonly #rekey: ControlClient;
  readonly #made = new Set<string>();

  constructor(url: string, token: string) {
    this.#url = url;
    this.#rekey = controlClient({ url, token });
  }

  /** Rotates, and presents the old secret as soon as the rotation has answered: to verify, and as its own holder. */
  async checkRotations(pairs: number): Promise<void> {
    let done = 0;
    const dead = { verify: 0, self: 0 };
    const lane = async (): Promise<void> => {
      const issued = await this.#make("rotations");
      const { id } = issued.record;
      for (let old = issued.key; done < pairs;) {
        done += 1;
        const { key } = valueOf(await this.#rekey.rotateKey(id));
        const [verdict, self] = await Promise.all([this.#verify(old), this.#self(old)]);
        if (verdict === "key-rotated") dead.verify += 1;
        if (self === "key-rotated") dead.self += 1;
        old = key;
        if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${pairs} rotations`);
      }
    };
    await Promise.all(Array.from({ length: Math.min(LANES, pairs) }, lane));
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    this.#expect("old secrets that verify refused right after their rotation", dead.verify, done);
    this.#expect("old secrets that could not speak for their key any more", dead.self, done);
  }

  /** Presents one key 500 times at once. */
  async checkQuota(): Promise<void> {
    const { key } = await this.#make("a quota", { quota: { limit: QUOTA, period: "none" } });
    const codes = await Promise.all(Array.from({ length: AT_ONCE }, () => this.#verify(key)));
    const counted = Map.groupBy(codes, (code) => code);
    this.#expect(`of ${AT_ONCE} at once on a quota of ${QUOTA} admitted`, counted.get("valid")?.length ?? 0, QUOTA);
    this.#expect("and refused", counted.get("quota-exceeded")?.length ?? 0, AT_ONCE - QUOTA);
  }

  async checkRevocation(): Promise<void> {
    const { key, record } = await this.#make("a revocation");
    valueOf(await this.#rekey.revokeKey(record.id, { reason: "smoke test" }));
    const codes = await Promise.all(Array.from({ length: 100 }, () => this.#verify(key)));
    this.#expect("of 100 uses of a revoked key refused", codes.filter((code) => code === "key-revoked").length, 100);
  }

  /** Ends and forgets every key that was made, whatever happened. */
  async cleanUp(): Promise<void> {
    for (const id of this.#made) {
      const revoked = await this.#rekey.revokeKey(id, { reason: "smoke test" });
      const purged = await this.#rekey.purgeKey(id);
      if (revoked.ok && purged.ok) this.#made.delete(id);
      else console.error(`${id} could not be removed: revoke and purge it by hand.`);
    }
  }

  async #make(what: string, rules: object = {}) {
    const issued = valueOf(await this.#rekey.createKey({ name: `smoke: ${what}`, ...rules }));
    this.#made.add(issued.record.id);
    return issued;
  }

  async #verify(key: string): Promise<string> {
    return valueOf(await this.#rekey.verifyKey({ key })).code;
  }

  async #self(key: string): Promise<string> {
    const answer = await selfClient({ url: this.#url, key }).readSelf();
    return answer.ok ? "valid" : answer.problem.code;
  }

  #expect(sentence: string, seen: number, promised: number): void {
    const holds = seen === promised;
    if (!holds) this.broken += 1;
    console.log(`${holds ? "✓" : "✗"} ${sentence}: ${seen}${holds ? "" : `, but promised is ${promised}`}`);
  }
}
