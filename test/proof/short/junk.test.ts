import { crc32 } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Rekey } from "../../support/rekey.ts";
import { dice } from "../../support/dice.ts";
import { deploy } from "../support/deployment.ts";
import { ask } from "../support/http.ts";

let rekey: Rekey;
beforeAll(async () => {
  rekey = await deploy({ faultyLedger: true });
});
afterAll(() => rekey.stop());

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const roll = dice(1);
const digits = (length: number) => Array.from({ length }, () => DIGITS.charAt(roll.below(62))).join("");

/** A credential as anybody can make one who has read how they are built: all of it right but the tag. */
function forged(): string {
  const tagged = `rk_live_1a${digits(16 + 32 + 11)}`;
  let checksum = "";
  for (let rest = crc32(tagged); checksum.length < 6; rest = Math.floor(rest / 62))
    checksum = DIGITS[rest % 62] + checksum;
  return tagged + checksum;
}

/** How many objects of keys have been woken since the start. */
async function woken(): Promise<number> {
  const response = await ask(`${rekey.url}/_abort-point`, { method: "POST", headers: {}, body: { key: "" } });
  return (JSON.parse(response!.body) as { woken: number }).woken;
}

it("a forged credential wakes no object and asks no ledger, at any door", async () => {
  const before = { woken: await woken(), questions: await rekey.ledgerQuestions() };
  const admin = { authorization: `Bearer ${rekey.adminToken}` };
  for (let time = 0; time < 50; time++) {
    const key = forged();
    const bearer = { authorization: `Bearer ${key}` };
    const statuses = await Promise.all([
      ask(`${rekey.url}/orders`, { method: "GET", headers: bearer }),
      ask(`${rekey.url}/_rekey/v1/self`, { method: "GET", headers: bearer }),
      ask(`${rekey.url}/_rekey/v1/self/rotate`, { method: "POST", headers: bearer }),
      ask(`${rekey.url}/_rekey/v1/keys`, { method: "GET", headers: bearer }),
      ask(`${rekey.url}/_rekey/v1/verify`, { method: "POST", headers: admin, body: { key } }),
    ]);
    expect(statuses.map((response) => response!.status)).toEqual([401, 401, 401, 401, 200]);
    expect(JSON.parse(statuses[4]!.body)).toMatchObject({ valid: false, code: "invalid-key" });
  }
  expect({ woken: await woken(), questions: await rekey.ledgerQuestions() }).toEqual(before);
});

it("the control: a key that exists wakes its object", async () => {
  const before = await woken();
  const admin = { authorization: `Bearer ${rekey.adminToken}` };
  const created = await ask(`${rekey.url}/_rekey/v1/keys`, { method: "POST", headers: admin, body: { name: "a key" } });
  expect(created!.status).toBe(201);
  expect(await woken()).toBe(before + 1);
});
