import type { Answer, Call } from "../model/call.ts";
import type { Moment } from "./instance.ts";

/**
 * What clients may rely on because they were told so. Knows nothing of instances, stores and the model: what was asked,
 * when, and what was heard.
 */
export class Promises {
  #tick = 0;
  readonly #acknowledged: { readonly moment: Moment; readonly where: string }[] = [];
  /** From which tick on no secret below this version may be admitted. */
  readonly rotations: { readonly heardAt: number; readonly version: number }[] = [];
  revokedAt = Infinity;
  admitted = 0;
  /** How many may be admitted in all, if nobody does anything else to the balance. */
  limit = Infinity;
  #isSimple = true;

  tick(): number {
    this.#tick += 1;
    return this.#tick;
  }

  /**
   * A call is on its way; answers when that was. Whoever changes a balance, or holds a part of it, makes a sum that is
   * not so simple, whether or not the answer is ever heard: the model has it.
   */
  call(call: Call): number {
    if (["amend", "credit", "settle"].includes(call.do) || (call.do === "use" && call.reserve)) this.#isSimple = false;
    return this.tick();
  }

  get isExceeded(): boolean {
    return this.#isSimple && this.admitted > this.limit;
  }

  acknowledge(moment: Moment, where: string): void {
    this.#acknowledged.push({ moment, where });
  }

  /** An effect that somebody was told of, and that the store does not have; `null`: it has them all. */
  forgotten(durable: Moment): string | null {
    const line = new Set<Moment>();
    for (let each: Moment | null = durable; each !== null; each = each.before) line.add(each);
    const lost = this.#acknowledged.find(({ moment }) => !line.has(moment));
    return lost === undefined ? null : `forgotten: ${lost.where}`;
  }
}

/** What is heard now breaks a promise that was made before; `null`: it breaks none. */
export function isBroken(promises: Promises, call: Call, calledAt: number, answer: Answer): string | null {
  const where = `${JSON.stringify(call)}, called at ${calledAt}, heard ${JSON.stringify(answer)}`;
  const heardAt = promises.tick();
  if (answer.code === "rotated" && call.do === "rotate" && call.graceMs === 0) {
    const version = Number(answer["version"]);
    // A repeat is no second rotation; two that were not asked for by one header must not share a version.
    if (call.header === null && promises.rotations.some((other) => other.version === version)) {
      return `two rotations to version ${version}: ${where}`;
    }
    promises.rotations.push({ heardAt, version });
  }
  if (answer.code === "revoked") promises.revokedAt = Math.min(promises.revokedAt, heardAt);
  if (answer.code === "created" && call.do === "create") {
    const { quota } = call.rules;
    if (quota?.period === "none") promises.limit = quota.limit;
  }
  if (answer.code !== "valid" || call.do !== "use" || call.dry) return null;

  if (promises.revokedAt < calledAt) return `admitted after it was revoked: ${where}`;
  const replaced = promises.rotations.find(
    ({ version, heardAt: at }) => at < calledAt && version > Number(answer["version"]),
  );
  if (replaced !== undefined) return `admitted although version ${replaced.version} had been heard of: ${where}`;
  promises.admitted += call.cost;
  return promises.isExceeded ? `${promises.admitted} of ${promises.limit}: ${where}` : null;
}
