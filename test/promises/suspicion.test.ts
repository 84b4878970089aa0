import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, done, doorFor, rotate, tally, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * "Race Condition with API Keys": nobody noticed.
 *
 * Promise P13: what is suspicious about the use of a key is an alert, raised in the step that sees it.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2 });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());

type Alert = { readonly id: string; readonly alert: string; readonly action: string; readonly acknowledged: unknown };

const alertsOf = async (id: string): Promise<readonly Alert[]> =>
  (await done(control(rekey, "GET", `/alerts?keyId=${id}`)))["items"] as readonly Alert[];
const kindsOf = async (id: string) => (await alertsOf(id)).map(({ alert }) => alert);

describe("a secret that was replaced and is used again", () => {
  it("is on the list of alerts within seconds, without another use of the key, and can be acknowledged", async () => {
    const { key, id } = await gateway.issue();
    await rotate(rekey, id);
    expect((await use(doorFor(rekey, 1), key, "/orders")).code).toBe("key-rotated");
    await expect.poll(() => kindsOf(id), { timeout: 10_000 }).toEqual(["retired-secret-used"]);
    const [alert] = await alertsOf(id);
    expect(alert).toMatchObject({ action: "alert", acknowledged: null });
    const said = control(rekey, "POST", `/alerts/${alert!.id}/acknowledge`, { note: "it was us" });
    expect(await done(said)).toMatchObject({ acknowledged: { by: "admin", note: "it was us" } });
    expect(await done(control(rekey, "GET", `/alerts?keyId=${id}&acknowledged=false`))).toMatchObject({ items: [] });
  });

  it("raises one alert and suspends the key once, however many use it at every door at once", async () => {
    const { key, id } = await gateway.issue({ suspicion: { "retired-secret-used": { action: "suspend" } } });
    const second = await rotate(rekey, id);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ "key-rotated": 60 });
    // Every one of them was answered, so whatever starts now is refused.
    const after = await Promise.all(Array.from({ length: 20 }, (_, nth) => use(doorFor(rekey, nth), second)));
    expect(tally(after.map(({ code }) => code))).toEqual({ "key-suspended": 20 });
    await expect.poll(() => kindsOf(id), { timeout: 10_000 }).toEqual(["retired-secret-used"]);
    expect(await alertsOf(id)).toMatchObject([{ action: "suspend" }]);
  });

  it("is still known after a kill, and raises no second alert", async () => {
    const { key, id } = await gateway.issue();
    await rotate(rekey, id);
    expect((await use(rekey.url, key)).code).toBe("key-rotated");
    await rekey.kill();
    await rekey.restart();
    expect((await use(rekey.url, key)).code).toBe("key-rotated");
    await expect.poll(() => kindsOf(id), { timeout: 10_000 }).toEqual(["retired-secret-used"]);
    const { items } = await done(control(rekey, "GET", `/keys/${id}/events`));
    expect((items as { type: string }[]).filter(({ type }) => type === "key.alerted")).toHaveLength(1);
  });
});

/** The key rotates itself and hands over the next. */
async function rotateSelf(key: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(`${rekey.url}/_rekey/v1/self/rotate`, { method: "POST", headers });
  return /"key":"([^"]+)"/.exec(await answer.text())![1]!;
}

describe("many rotations in a short time", () => {
  it("are an alert, whoever makes them", async () => {
    const { key, id } = await gateway.issue();
    let holds = key;
    for (let time = 0; time < 5; time++) {
      holds = await rotateSelf(holds);
    }
    await expect.poll(() => kindsOf(id), { timeout: 10_000 }).toEqual(["rapid-rotation"]);
    expect((await use(rekey.url, holds)).code).toBe("admitted");
  });
});
