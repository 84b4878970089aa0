import type { Admission } from "../../src/key/admission.ts";
import { admit } from "../../src/key/admit.ts";
import { credit, type CreditCommand } from "../../src/key/credit.ts";
import type { Random } from "../../src/key/base62.ts";
import { create, type Fresh } from "../../src/key/create.ts";
import { mint } from "../../src/key/credential.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { Key } from "../../src/key/key.ts";
import type { Profile } from "../../src/key/key.ts";
import { rotate } from "../../src/key/rotate.ts";
import { epochMs } from "../../src/key/time.ts";
import { admin, at } from "./a-key.ts";

/**
 * The fault that Rekey exists to avoid, on purpose: reads the key, waits for something outside, then writes. The rules
 * are the product's own; only the step is not one step.
 *
 * The control of every race test. A test that this passes has proved nothing.
 */
export class HurriedObject {
  #stored: Key;
  readonly credential: string;

  constructor(profile: Profile) {
    const fresh = this.#mint(profile);
    this.credential = fresh.credential;
    const options = { expiresAt: null, ownerOrder: null, idempotency: null };
    this.#stored = create(profile, options, fresh, at(epochMs(Date.now()))).key;
  }

  async admit(admission: Admission) {
    const read = this.#stored;
    await scheduler.wait(1);
    const { key, answer } = admit(read, admission, epochMs(Date.now()), {
      mint: () => this.#mint(read.profile),
      random,
    });
    this.#stored = key;
    return answer;
  }

  async rotate(command: { expectedVersion: number | null; graceSeconds: number }) {
    const read = this.#stored;
    await scheduler.wait(1);
    const circumstance = { now: epochMs(Date.now()), by: admin, reason: null };
    const { key, answer } = rotate(read, { ...command, idempotency: null }, this.#mint(read.profile), circumstance);
    this.#stored = key;
    return { reached: true, ...answer } as const;
  }

  async credit(command: CreditCommand) {
    const read = this.#stored;
    await scheduler.wait(1);
    const { key, answer } = credit(read, command, { now: epochMs(Date.now()), by: admin, reason: null });
    this.#stored = key;
    return { reached: true, ...answer } as const;
  }

  get limit(): number {
    return this.#stored.profile.quota!.limit;
  }

  #mint({ id, prefix }: Profile): Fresh {
    const pepper = { id: "a", secret: new TextEncoder().encode("control") };
    const credential = mint(id, { prefix, pepper, random });
    return {
      credential,
      secret: { digest: digestOf(credential), hint: "", pepper: "a" },
      sealing: { random, peppers: { signing: pepper, all: [pepper] } },
    };
  }
}

const random: Random = (bytes) => crypto.getRandomValues(bytes);
