import type { Admission } from "../../src/key/admit.ts";
import { admit } from "../../src/key/admit.ts";
import { create, rotate } from "../../src/key/change.ts";
import { mint } from "../../src/key/credential.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { Key } from "../../src/key/key.ts";
import type { Profile } from "../../src/key/key.ts";
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
    this.credential = this.#mint(profile);
    this.#stored = create(profile, null, this.#secretOf(this.credential), at(epochMs(Date.now()))).key;
  }

  async admit(admission: Admission) {
    const read = this.#stored;
    await scheduler.wait(1);
    const { key, answer } = admit(read, admission, epochMs(Date.now()));
    this.#stored = key;
    return answer;
  }

  async rotate(command: { expectedVersion: number | null; graceSeconds: number }) {
    const read = this.#stored;
    await scheduler.wait(1);
    const credential = this.#mint(read.profile);
    const now = epochMs(Date.now());
    const { key, answer } = rotate(read, command, this.#secretOf(credential), { now, by: admin, reason: null });
    this.#stored = key;
    return { found: true, ...answer, credential } as const;
  }

  #mint(profile: Profile): string {
    const pepper = { id: "a", secret: new TextEncoder().encode("control") };
    return mint(profile.id, { prefix: profile.prefix, pepper, random: (bytes) => crypto.getRandomValues(bytes) });
  }

  #secretOf = (credential: string) => ({ digest: digestOf(credential), hint: "", pepper: "a" });
}
