import { afterAll, beforeAll, expect, it } from "vitest";
import type { Rekey } from "../../support/rekey.ts";
import { dice } from "../../support/dice.ts";
import { deploy } from "../support/deployment.ts";
import { forged } from "../support/forgery.ts";
import { ask } from "../support/http.ts";
import { woken } from "../support/woken.ts";

let rekey: Rekey;
beforeAll(async () => {
  rekey = await deploy({ faultyLedger: true });
});
afterAll(() => rekey.stop());

const roll = dice(1);

it("a forged credential wakes no object and asks no ledger, at any door", async () => {
  const before = { woken: await woken(rekey), questions: await rekey.ledgerQuestions() };
  const admin = { authorization: `Bearer ${rekey.adminToken}` };
  for (let time = 0; time < 50; time++) {
    const key = forged(roll);
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
  expect({ woken: await woken(rekey), questions: await rekey.ledgerQuestions() }).toEqual(before);
});

it("the control: a key that exists wakes its object", async () => {
  const before = await woken(rekey);
  const admin = { authorization: `Bearer ${rekey.adminToken}` };
  const created = await ask(`${rekey.url}/_rekey/v1/keys`, { method: "POST", headers: admin, body: { name: "a key" } });
  expect(created!.status).toBe(201);
  expect(await woken(rekey)).toBe(before + 1);
});
