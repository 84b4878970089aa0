import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRekey, type Rekey } from "../support/rekey.ts";

/*
 * The answer is lost after the change is durable: the object ends between `storage.sync()` and its answer. Whoever asks
 * again with the same Idempotency-Key gets that answer; the change was made once, and nobody is locked out.
 */

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey({ faultyLedger: true });
});
afterAll(() => rekey.stop());

type Told = { readonly status: number; readonly body: Record<string, unknown> };
type Issued = { readonly key: string; readonly record: { readonly id: string; readonly version: number } };

async function call(method: string, path: string, bearer: string, header?: string, body: object = {}): Promise<Told> {
  const response = await fetch(rekey.url + path, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      "content-type": "application/json",
      ...(header !== undefined && { "idempotency-key": header }),
    },
    ...(method !== "GET" && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json<Record<string, unknown>>() };
}
const admin = (method: string, path: string, header?: string, body?: object) =>
  call(method, path, rekey.adminToken, header, body);
const issue = async (header?: string): Promise<Issued> =>
  (await admin("POST", "/_rekey/v1/keys", header, { name: "a key" })).body as unknown as Issued;
const verify = async (key: string) => (await admin("POST", "/_rekey/v1/verify", undefined, { key })).body;
const eventsOf = async (id: string): Promise<string[]> => {
  const { items } = (await admin("GET", `/_rekey/v1/keys/${id}/events`)).body as { items: { type: string }[] };
  return items.map(({ type }) => type);
};
const headerOf = (test: string) => `${test}-${crypto.randomUUID()}`;

/** The three calls that issue a secret, each on a key of its own where it needs one. */
const CALLS = {
  create: async () => {
    const header = headerOf("create");
    const again = (body: object = { name: "a key" }) => admin("POST", "/_rekey/v1/keys", header, body);
    return { again, status: 201, otherBody: { name: "another key" }, versions: 1, former: null };
  },
  rotate: async () => {
    const former = await issue();
    const path = `/_rekey/v1/keys/${former.record.id}/rotate`;
    const header = headerOf("rotate");
    const again = (body: object = { expectedVersion: 1 }) => admin("POST", path, header, body);
    return { again, status: 200, otherBody: { expectedVersion: 1, graceSeconds: 60 }, versions: 2, former };
  },
  rotateSelf: async () => {
    const former = await issue();
    const header = headerOf("self");
    const again = (body: object = {}) => call("POST", "/_rekey/v1/self/rotate", former.key, header, body);
    return { again, status: 200, otherBody: { reason: "another" }, versions: 2, former };
  },
} as const;

describe.each(Object.entries(CALLS))("%s", (name, prepare) => {
  it("is answered again, alike, and was done once", async () => {
    const { again, status, otherBody, versions, former } = await prepare();
    await rekey.loseAnswers(name as keyof typeof CALLS, 1);
    const lost = await again();
    expect(lost).toMatchObject({ status: 503, body: { code: "unavailable" } });

    const first = await again();
    expect(first.status).toBe(status);
    const { key, record } = first.body as unknown as Issued;
    expect(record.version).toBe(versions);
    expect(await again()).toEqual(first);
    expect(await again(otherBody)).toMatchObject({ status: 422, body: { code: "idempotency-mismatch" } });

    expect((await eventsOf(record.id)).filter((type) => /created|rotated/.test(type))).toHaveLength(versions);
    const formerly = former === null ? "key-rotated" : (await verify(former.key))["code"];
    expect(formerly).toBe("key-rotated");
    expect(await verify(key)).toMatchObject({ valid: true, version: versions });

    // Whoever uses the secret has it: from here on nobody else gets it, and nothing is done twice.
    expect(await again()).toMatchObject({ status: 409, body: { code: "idempotency-expired" } });
    expect(await again(otherBody)).toMatchObject({ status: 422 });
    expect(await verify(key)).toMatchObject({ valid: true, version: versions });
  });

  it("is answered alike to ten who repeat it at once, with the first answers lost", async () => {
    const { again, status, versions } = await prepare();
    await rekey.loseAnswers(name as keyof typeof CALLS, 1);
    const answers = await Promise.all(Array.from({ length: 10 }, () => again()));
    // Those who were on their way when the object ended ask once more, as any of them would.
    const settled = await Promise.all(answers.map(async (answer) => (answer.status === 503 ? again() : answer)));
    expect(answers.some((answer) => answer.status === 503)).toBe(true);
    expect(settled.map((answer) => answer.status)).toEqual(Array(10).fill(status));
    const issued = settled.map(({ body }) => body as unknown as Issued);
    expect(new Set(issued.map(({ key }) => key)).size).toBe(1);
    const { id } = issued[0]!.record;
    expect(await eventsOf(id)).toHaveLength(versions);
    expect(await verify(issued[0]!.key)).toMatchObject({ valid: true, version: versions });
  });

  it("is answered again after everything was killed, and lies nowhere to be read meanwhile", async () => {
    const { again, status } = await prepare();
    await rekey.loseAnswers(name as keyof typeof CALLS, 1);
    expect((await again()).status).toBe(503);
    await rekey.restart();
    const atRest = await textAtRest();
    const { status: answered, body } = await again();
    expect(answered).toBe(status);
    const { key } = body as unknown as Issued;
    expect(atRest).not.toContain(key);
    // Neither the secret in it, nor the tag: what the credential is made of beyond what every record tells.
    expect(atRest).not.toContain(key.slice(-45));
    expect(await textAtRest()).not.toContain(key.slice(-45));
    expect(rekey.logs.join("\n")).not.toContain(key.slice(-45));
    expect(await verify(key)).toMatchObject({ valid: true });
  });
});

/** Everything that objects and ledger keep, as text. */
async function textAtRest(): Promise<string> {
  const files = (await readdir(rekey.storage, { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  );
  const contents = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
  expect(contents.join("").length).toBeGreaterThan(0);
  return contents.join("\n");
}

describe("a change without an Idempotency-Key", () => {
  it("whose answer is lost locks nobody out: the admin can always rotate again", async () => {
    const { record } = await issue();
    const path = `/_rekey/v1/keys/${record.id}/rotate`;
    await rekey.loseAnswers("rotate", 1);
    expect((await admin("POST", path)).status).toBe(503);
    const { key } = (await admin("POST", path)).body as unknown as Issued;
    expect(await verify(key)).toMatchObject({ valid: true, version: 3 });
  });

  it("is not added twice if the caller names the revision: credits with If-Match", async () => {
    const body = { name: "a key", quota: { limit: 5, period: "none" } };
    const { record } = (await admin("POST", "/_rekey/v1/keys", undefined, body)).body as unknown as Issued;
    const add = async () => {
      const response = await fetch(`${rekey.url}/_rekey/v1/keys/${record.id}/credits`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${rekey.adminToken}`,
          "content-type": "application/json",
          "if-match": '"1"',
        },
        body: '{"add":10}',
      });
      return response.status;
    };
    await rekey.loseAnswers("credit", 1);
    expect([await add(), await add()]).toEqual([503, 412]);
    expect((await admin("GET", `/_rekey/v1/keys/${record.id}`)).body).toMatchObject({ quota: { limit: 15 } });
  });
});

describe("an Idempotency-Key", () => {
  it("of another actor means another key: both admin tokens are one actor, a control key is another", async () => {
    const header = headerOf("actors");
    const { record } = await issue(header);
    const body = { name: "a control key", scopes: ["rekey:keys:write"] };
    const control = (await admin("POST", "/_rekey/v1/keys", undefined, body)).body as unknown as Issued;
    const theirs = await call("POST", "/_rekey/v1/keys", control.key, header, { name: "a key" });
    expect(theirs.status).toBe(201);
    expect((theirs.body as unknown as Issued).record.id).not.toBe(record.id);
    expect((await issue(header)).record.id).toBe(record.id);
  });

  it("is taken byte for byte: another case, or quotes around it, is another", async () => {
    const header = headerOf("Bytes");
    const ids = await Promise.all(
      [header, header.toLowerCase(), `"${header}"`].map(async (each) => (await issue(each)).record.id),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it("of a create is kept for ever: after a purge it is a conflict, and nothing is created", async () => {
    const header = headerOf("purge");
    const { key, record } = await issue(header);
    expect(await verify(key)).toMatchObject({ valid: true });
    const path = `/_rekey/v1/keys/${record.id}`;
    await admin("POST", `${path}/revoke`);
    const purged = await fetch(rekey.url + path, {
      method: "DELETE",
      headers: { authorization: `Bearer ${rekey.adminToken}` },
    });
    expect(purged.status).toBe(204);
    expect(await admin("POST", "/_rekey/v1/keys", header, { name: "a key" })).toMatchObject({
      status: 409,
      body: { code: "idempotency-expired" },
    });
    expect((await admin("GET", path)).status).toBe(404);
  });
});
