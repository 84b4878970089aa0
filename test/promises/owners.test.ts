import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRekey, type Rekey } from "../support/rekey.ts";

/*
 * A decision about an owner reaches every key of the owner: those that the ledger has not seen, those that are being
 * created while it is made, those that were created before there were rolls; with the ledger down, and for many keys.
 */

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey({ faultyLedger: true });
});
afterAll(() => rekey.stop());

type Told = { readonly status: number; readonly body: Record<string, unknown> };
type Issued = { readonly key: string; readonly record: { readonly id: string; readonly ownerSuspended: boolean } };

async function admin(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Told> {
  const response = await fetch(`${rekey.url}/_rekey/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${rekey.adminToken}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json<Record<string, unknown>>() };
}
const create = (owner: string | null, headers = {}) => admin("POST", "/keys", { name: "a key", owner }, headers);
async function issue(owner: string | null): Promise<Issued> {
  const { status, body } = await create(owner);
  if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
  return body as unknown as Issued;
}
/** Twenty at a time: more would have to wait for each other, and longer on a slow machine than a call may wait. */
async function issueMany(owner: string, count: number): Promise<readonly Issued[]> {
  const keys: Issued[] = [];
  while (keys.length < count) keys.push(...(await Promise.all(Array.from({ length: 20 }, () => issue(owner)))));
  return keys;
}
const decide = (owner: string, verb: "revoke" | "suspend" | "resume") => admin("POST", `/owners/${owner}/${verb}`);
const heard = async ({ key }: Issued): Promise<unknown> => (await admin("POST", "/verify", { key })).body["code"];
const ownerOf = (test: string) => `${test}-${crypto.randomUUID()}`;

/** What the holders of many keys hear, each answer once. */
async function allHear(keys: readonly Issued[]): Promise<unknown[]> {
  const codes = new Set<unknown>();
  for (let at = 0; at < keys.length; at += 100) {
    const items = keys.slice(at, at + 100).map(({ key }) => ({ key }));
    const { body } = await admin("POST", "/verify/batch", { items });
    for (const { code } of body["items"] as { code: string }[]) codes.add(code);
  }
  return [...codes];
}

describe("an owner that is suspended and resumed", () => {
  it("takes every key along, and leaves a key that was suspended by itself as it was", async () => {
    const owner = ownerOf("suspended");
    const [plain, stopped, ended] = await Promise.all([issue(owner), issue(owner), issue(owner)]);
    await admin("POST", `/keys/${stopped.record.id}/suspend`);
    await admin("POST", `/keys/${ended.record.id}/revoke`);
    expect(await decide(owner, "suspend")).toMatchObject({
      status: 200,
      body: { owner, status: "suspended", keys: 3, acknowledged: 3, forbidden: 0, ledger: "searched" },
    });
    expect(await heard(plain)).toBe("owner-suspended");
    expect((await admin("GET", `/keys/${plain.record.id}`)).body).toMatchObject({
      status: "active",
      ownerSuspended: true,
    });
    expect(await decide(owner, "resume")).toMatchObject({ status: 200, body: { status: "active", acknowledged: 3 } });
    expect(await Promise.all([plain, stopped, ended].map(heard))).toEqual(["valid", "key-suspended", "key-revoked"]);
  });

  it("gets new keys that are stopped from the beginning, until it is resumed", async () => {
    const owner = ownerOf("new");
    await issue(owner);
    await decide(owner, "suspend");
    const late = await issue(owner);
    expect(late.record.ownerSuspended).toBe(true);
    expect(await heard(late)).toBe("owner-suspended");
    await decide(owner, "resume");
    expect(await heard(late)).toBe("valid");
  });
});

describe("an owner that is revoked", () => {
  it("gets no more keys, and no way back", async () => {
    const owner = ownerOf("revoked");
    const key = await issue(owner);
    for (let time = 0; time < 2; time++) {
      expect(await decide(owner, "revoke")).toMatchObject({ status: 200, body: { status: "revoked", keys: 1 } });
    }
    expect(await heard(key)).toBe("key-revoked");
    expect(await create(owner)).toMatchObject({ status: 409, body: { code: "owner-revoked" } });
    for (const verb of ["suspend", "resume"] as const) {
      expect(await decide(owner, verb)).toMatchObject({ status: 409, body: { code: "owner-revoked" } });
    }
    const { items } = (await admin("GET", `/keys/${key.record.id}/events`)).body as { items: { type: string }[] };
    expect(items.map(({ type }) => type)).toEqual(["key.alerted", "key.revoked", "key.created"]);
  });

  it.each([1, 2, 3])("takes the keys along that are being created meanwhile (%i)", async (round) => {
    const owner = ownerOf(`meanwhile-${round}`);
    const issued: Issued[] = [];
    const refused: unknown[] = [];
    const some = Promise.withResolvers<void>();
    let isDecided = false;
    // Ten at a time, from before the decision to one each that begins after it: some are in time, and some are not.
    const creating = Array.from({ length: 10 }, async () => {
      for (let isLast = false; !isLast;) {
        isLast = isDecided;
        const { status, body } = await create(owner);
        if (status !== 201) return refused.push(body["code"]);
        issued.push(body as unknown as Issued);
        if (issued.length === 5 * round) some.resolve();
      }
      return null;
    });
    await some.promise;
    expect((await decide(owner, "revoke")).status).toBe(200);
    isDecided = true;
    await Promise.all(creating);
    expect(refused).toEqual(Array(10).fill("owner-revoked"));
    expect(issued.length).toBeGreaterThanOrEqual(5 * round);
    expect(await allHear(issued)).toEqual(["key-revoked"]);
  });

  it.each(["fail", "hang"] as const)(
    "takes keys along that the ledger has not seen, with a ledger that %ss",
    async (fault) => {
      const owner = ownerOf(`ledger-${fault}`);
      await rekey.ledgerFault(fault);
      try {
        const keys = await Promise.all([issue(owner), issue(owner), issue(owner)]);
        expect(await decide(owner, "revoke")).toMatchObject({
          status: 200,
          body: { keys: 3, acknowledged: 3, ledger: "unreachable" },
        });
        expect(await allHear(keys)).toEqual(["key-revoked"]);
      } finally {
        await rekey.ledgerFault("pass");
      }
      // Once the ledger is back it hears of everything by itself.
      await expect
        .poll(async () => (await admin("GET", `/keys?owner=${owner}&status=revoked`)).body["items"], {
          timeout: 30_000,
        })
        .toHaveLength(3);
      await expect
        .poll(
          async () => {
            const { items } = (await admin("GET", "/owners?limit=200")).body as {
              items: { owner: string; status: string }[];
            };
            return items.find((each) => each.owner === owner)?.status;
          },
          { timeout: 30_000 },
        )
        .toBe("revoked");
    },
  );

  it("takes keys along that only the ledger knows: those from before there were rolls", async () => {
    const owner = ownerOf("legacy");
    const old = await Promise.all([issue(null), issue(null)]);
    for (const { record } of old) {
      await rekey.objectSql(
        record.id,
        "UPDATE part SET json = json_set(json, '$.owner', ?) WHERE name = 'profile'",
        owner,
      );
      await rekey.ledgerSql("UPDATE keys SET owner = ? WHERE id = ?", owner, record.id);
    }
    // Whatever an object had in memory it reads from there.
    await rekey.restart();
    const since = await issue(owner);
    expect(await decide(owner, "revoke")).toMatchObject({
      status: 200,
      body: { keys: 3, acknowledged: 3, ledger: "searched" },
    });
    expect(await allHear([...old, since])).toEqual(["key-revoked"]);
  });

  it("of whom nobody has ever heard is 404; while the ledger is down it is decided, and said that nobody knows", async () => {
    const owner = ownerOf("nobody");
    expect(await decide(owner, "revoke")).toMatchObject({ status: 404, body: { code: "not-found" } });
    await rekey.ledgerFault("fail");
    try {
      expect(await decide(owner, "revoke")).toMatchObject({
        status: 202,
        body: { status: "revoked", keys: 0, ledger: "unreachable" },
      });
    } finally {
      await rekey.ledgerFault("pass");
    }
    expect(await create(owner)).toMatchObject({ status: 409, body: { code: "owner-revoked" } });
  });

  it("stays so over a kill of everything in the middle: the rest is done when the objects wake", async () => {
    const owner = ownerOf("killed");
    const keys = await issueMany(owner, 100);
    const answer = decide(owner, "revoke").catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await rekey.restart();
    await answer;
    const settled = await decide(owner, "revoke");
    expect([200, 202]).toContain(settled.status);
    await expect.poll(async () => (await decide(owner, "revoke")).status, { timeout: 30_000 }).toBe(200);
    expect(await allHear(keys)).toEqual(["key-revoked"]);
  });
});

describe("an owner of many keys", () => {
  const MANY = 300;

  it("is revoked with all 300 of them, and may be asked again for progress", async () => {
    await using plain = await startRekey();
    const faulty = rekey;
    rekey = plain;
    try {
      const owner = ownerOf("many");
      const keys = await issueMany(owner, MANY);
      const progress: number[] = [];
      await expect
        .poll(
          async () => {
            const { status, body } = await decide(owner, "revoke");
            expect(body).toMatchObject({ owner, status: "revoked", keys: MANY, forbidden: 0 });
            progress.push(body["acknowledged"] as number);
            return status;
          },
          { timeout: 50_000 },
        )
        .toBe(200);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(progress.at(-1)).toBe(MANY);
      expect(await allHear(keys)).toEqual(["key-revoked"]);
    } finally {
      rekey = faulty;
    }
  }, 120_000);
});

describe("a roll that holds an id which became another owner's key", () => {
  it("changes nothing about that key: a create repeated for another owner is refused, and stays without consequence", async () => {
    const [acme, globex] = [ownerOf("acme"), ownerOf("globex")];
    await issue(globex);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await create(acme, headers);
    expect(first.status).toBe(201);
    expect(await create(globex, headers)).toMatchObject({ status: 422, body: { code: "idempotency-mismatch" } });
    expect((await decide(globex, "revoke")).status).toBe(200);
    expect(await heard(first.body as unknown as Issued)).toBe("valid");
    expect((await decide(acme, "revoke")).status).toBe(200);
    expect(await heard(first.body as unknown as Issued)).toBe("key-revoked");
  });
});
