import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, recordOf, rotate, use, type Answer } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";
import { testSecrets } from "../support/settings.ts";

/**
 * Canaries: secrets are issued, used, mistyped, put where they do not belong and sent into every failure; then every
 * byte that the deployment has written is searched for them.
 *
 * Promise P9: plaintext exists once, in the response that issues it. Not in the objects, not in D1, not in a log, not
 * in any other answer.
 */
let gateway: Gateway;
let rekey: Rekey;

/** Every credential that was ever issued here. */
const canaries: string[] = [];
/** Every answer that is not the one which issued it. */
const answers: string[] = [];

/** Answers to calls that would have a key kept as a name. */
const faults: Answer[] = [];
const plain = (text: string): string => text;
/** A text with every character as an escape, as it may stand in a URL. */
const escaped = (text: string): string => text.replaceAll(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`);

/** Asks for anything, and keeps all that is told. */
async function note(path: string, init: RequestInit = {}): Promise<void> {
  const response = await fetch(rekey.url + path, { redirect: "manual", ...init });
  answers.push(JSON.stringify([...response.headers]) + (await response.text()));
}
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

beforeAll(async () => {
  gateway = await startGateway({ edges: 2, faultyLedger: true, vars: { LOG_ADMITTED: "1" } });
  ({ rekey } = gateway);
  gateway.origin.on("/fails", (request) => request.socket.destroy());
  // The default answer of this origin repeats what it saw; what it must not see is part of the search.
  const issue = async (body: object = {}) => {
    const issued = await gateway.issue(body);
    canaries.push(issued.key);
    return issued;
  };

  const { key, id } = await issue({ name: "canary", quota: { limit: 8, period: "day" }, metadata: { note: "x" } });
  const second = await rotate(rekey, id);
  canaries.push(second);
  const asAdmin = {
    authorization: `Bearer ${rekey.adminToken}`,
    "content-type": "application/json",
    "user-agent": `a client that tells ${second}`,
  };
  for (const each of [key, second, `${second}x`, second.slice(0, -1), second.replace("_1", "_2")]) {
    await note("/orders?x=1", bearer(each));
    await note("/orders", { headers: { "x-api-key": each } });
    await note("/orders", { headers: { authorization: `Basic ${each}` } });
    await note("/orders", { headers: { authorization: `Bearer ${each}, Bearer ${each}` } });
    await note(`/_rekey/v1/keys/${each}`);
    await note(`/_rekey/v1/keys/${each}`, { headers: asAdmin });
    await note(`/_rekey/v1/keys/${each}/rotate`, { method: "POST", headers: asAdmin, body: "{}" });
    const wrong = JSON.stringify({ name: 1, owner: each, scopes: [each], key: each, prefix: each });
    await note("/_rekey/v1/keys", { method: "POST", headers: asAdmin, body: wrong });
    await note("/_rekey/v1/keys", { method: "POST", headers: asAdmin, body: `{"name": "${each}` });
    await note("/_rekey/v1/verify", { method: "POST", headers: asAdmin, body: JSON.stringify({ key: each }) });
    await note(`/_rekey/v1/keys?cursor=${each}`, { headers: asAdmin });
    await note(`/_rekey/v1/keys?owner=${each}`, { headers: asAdmin });
  }
  for (const each of [key, second]) {
    await note(`/orders?api_key=${each}`, bearer(second));
    await note(`/orders/${each}`, bearer(second));
    await note("/_rekey/v1/keys", { method: "POST", headers: asAdmin, body: JSON.stringify({ [each]: 1 }) });
    const reason = JSON.stringify({ reason: `found ${each} in a log` });
    await note(`/_rekey/v1/keys/${id}/suspend`, { method: "POST", headers: asAdmin, body: reason });
    await note(`/_rekey/v1/keys/${id}/resume`, { method: "POST", headers: asAdmin, body: reason });
  }
  // Wherever text of a caller's own is kept or told: a sample of what was refused, whoever caused an event, a name.
  const post = (path: string, body: object, headers = {}) =>
    note(path, { method: "POST", headers: { ...asAdmin, ...headers }, body: JSON.stringify(body) });
  // A key of its own for each path: the first refusal of a reason in a minute is its sample.
  for (const hidden of [plain, escaped, (text: string) => escaped(escaped(text)), (text: string) => `?key=${text}`]) {
    const asked = await issue();
    const request = { method: "GET", path: `/orders/${hidden(asked.key)}` };
    const question = { key: asked.key, ip: "203.0.113.7", request };
    await post("/_rekey/v1/verify", question);
    await post("/_rekey/v1/verify", { ...question, scopes: ["nobody:has"] });
    canaries.push(await rotate(rekey, asked.id));
    await post("/_rekey/v1/verify/batch", { items: [question] });
  }
  await post("/_rekey/v1/verify", { key: second, scopes: ["nobody:has"] });
  await post("/_rekey/v1/verify", { key: second, cost: 9 });
  for (const each of [key, second]) {
    const kept = [
      { name: each },
      { scopes: [each] },
      { metadata: { note: `was ${each}` } },
      { metadata: { [each]: [] } },
      { rateLimits: [{ name: each, algorithm: "window", limit: 1, windowSeconds: 1 }] },
    ];
    for (const body of [...kept, { owner: each }]) {
      faults.push(await control(rekey, "POST", "/keys", { name: "a key", ...body }));
    }
    for (const body of [{ url: `https://example.com/${each}` }, { url: "https://example.com", description: each }]) {
      faults.push(await control(rekey, "POST", "/webhooks", body));
    }
    for (const body of kept) faults.push(await control(rekey, "PATCH", `/keys/${id}`, body));
    await post(`/_rekey/v1/owners/${each}/suspend`, { reason: each });
    await post(`/_rekey/v1/reservations/${each}/settle`, { used: 1 });
    await post("/_rekey/v1/keys", { name: "once" }, { "if-match": `"${each}"` });
    await note(`/_rekey/v1/keys/${id}/usage?from=${each}`, { headers: asAdmin });
    await note(`/_rekey/v1/events?type=${each}`, { headers: asAdmin });
  }
  const repeated = { "user-agent": second, referer: `https://app.example/${second}`, origin: second };
  await note("/orders", { headers: { ...bearer(second).headers, ...repeated } });
  await note("/fails", bearer((await issue()).key));
  await note("/_rekey/v1/self", bearer(second));

  // Into every failure: a ledger that fails, an object that cannot write, a process that is killed.
  await rekey.ledgerFault("fail");
  canaries.push(await rotate(rekey, id, rekey.url, { graceSeconds: 60, reason: "a canary in the dark" }));
  const broken = await issue();
  await rekey.objectSql(broken.id, "CREATE TRIGGER full BEFORE INSERT ON part BEGIN SELECT RAISE(ABORT, 'full'); END");
  await note("/orders", bearer(broken.key));
  answers.push(JSON.stringify((await control(rekey, "POST", `/keys/${broken.id}/rotate`, {})).body));
  await rekey.objectSql(broken.id, "DROP TRIGGER full");
  await rekey.ledgerFault("pass");
  const last = await rotate(rekey, id);
  canaries.push(last);
  await rekey.evict(id);
  await use(rekey.url, last);
  answers.push(JSON.stringify(await recordOf(rekey, id)));
  await vi.waitFor(
    async () => {
      const events = await rekey.ledgerSql("SELECT * FROM events WHERE key_id = ?", id);
      if (events.length < 8) throw new Error("the ledger has not caught up");
      const usage = await rekey.ledgerSql("SELECT * FROM usage WHERE key_id = ?", id);
      if (!JSON.stringify(usage).includes("insufficient-scope")) throw new Error("the refusals are not written down");
      const alerts = await rekey.ledgerSql("SELECT * FROM alerts WHERE key_id = ?", id);
      if (alerts.length === 0) throw new Error("nobody was told that a retired secret was used");
    },
    { timeout: 20_000 },
  );
  const { items } = (await control(rekey, "GET", `/alerts?keyId=${id}`)).body as { items: { id: string }[] };
  for (const alert of items) await post(`/_rekey/v1/alerts/${alert.id}/acknowledge`, { note: `it was ${last}` });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** What must not be found: every credential whole, its random secret, and the secrets of the deployment itself. */
const needles = (): string[] => [
  ...canaries,
  ...canaries.map((credential) => credential.slice(-49, -17)),
  ...canaries.flatMap((credential) => [escaped(credential), escaped(escaped(credential))]),
  testSecrets.REKEY_ADMIN_TOKEN,
  testSecrets.REKEY_PEPPERS.slice(2),
];

const foundIn = (haystack: Buffer): string[] => needles().filter((needle) => haystack.includes(needle));

/** Every file below a directory. */
async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe("no secret", () => {
  it("is in any file of the objects, the ledger or their logs of changes, byte by byte", async () => {
    const files = await filesBelow(rekey.storage);
    const contents = await Promise.all(files.map((file) => readFile(file)));
    expect(contents.flatMap(foundIn)).toEqual([]);
    // The search can find what is there: ids and hints are, in objects and in the ledger.
    const found = (text: string) => files.filter((_, at) => contents[at]!.includes(text));
    expect(found(canaries[0]!.slice(10, 26)).some((file) => file.includes("KeyObject"))).toBe(true);
    expect(found("a canary in the dark").some((file) => !file.includes("KeyObject"))).toBe(true);
  });

  it("is in any row of the ledger", async () => {
    // Every table there is, so that one which comes later is searched too.
    const tables = await rekey.ledgerSql(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '_cf_%'",
    );
    const names = tables.map(({ name }) => String(name));
    expect(names).toEqual(expect.arrayContaining(["keys", "events", "owners", "usage", "alerts"]));
    const rows = (await Promise.all(names.map((name) => rekey.ledgerSql(`SELECT * FROM "${name}"`)))).flat();
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.some((row) => String(row["note"]).startsWith("it was [redacted"))).toBe(true);
    expect(foundIn(Buffer.from(JSON.stringify(rows)))).toEqual([]);
    // Digests stay in the objects: with them alone nobody could use a key, but nobody needs them either.
    expect(JSON.stringify(rows)).not.toContain("digest");
  });

  it("is in any line of the log, though there were failures to log", () => {
    expect(rekey.logs.join("\n")).toContain("the ledger could not be told");
    // Every decision has a line here, the admitted ones too.
    const outcomes = ["valid", "insufficient-scope", "cost-exceeds-limit", "key-rotated"];
    const lines = rekey.logs.filter((line) => line.includes("decision"));
    expect(outcomes.filter((outcome) => lines.some((line) => line.includes(outcome)))).toEqual(outcomes);
    expect(foundIn(Buffer.from(rekey.logs.join("\n")))).toEqual([]);
  });

  it("is in any answer but the one that issued it, whatever it was sent to", () => {
    expect(answers.length).toBeGreaterThan(65);
    expect(answers.filter((answer) => foundIn(Buffer.from(answer)).length > 0)).toEqual([]);
  });

  it("is taken for a name, a scope, an owner or metadata, where it would be kept and shown as it is", () => {
    expect(faults.map(({ status, code }) => `${status} ${code}`)).toEqual(Array(26).fill("400 invalid-request"));
    expect(faults.filter(({ body }) => JSON.stringify(body).includes("must not contain a key")).length).toBe(26);
    expect(foundIn(Buffer.from(JSON.stringify(faults.map(({ body }) => body))))).toEqual([]);
  });

  it("reaches the origin", () => {
    const seen = gateway.seen();
    expect(seen.length).toBeGreaterThan(0);
    expect(foundIn(Buffer.from(JSON.stringify(seen)))).toEqual([]);
  });

  it("is issued a second time: no answer repeats a credential", () => {
    expect(new Set(canaries).size).toBe(canaries.length);
    expect(canaries.length).toBe(14);
  });
});
