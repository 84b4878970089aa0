import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { checkOut } from "../support/checkout.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** Another Worker of the same account. Its middle lines are those of the README; it also settles over the binding. */
const worker = (lines: string) => `
import { Hono } from "hono";
import type { RekeyService } from "rekey/hono";
${lines.split("\n")[0]!}

type Bindings = { REKEY: Pick<RekeyService, "verify" | "settle"> };
const app = new Hono<{ Bindings: Bindings; Variables: RekeyVariables }>();
${lines.split("\n").slice(1).join("\n")}
app.get("/orders/:id", (c) => c.json({ order: c.req.param("id"), owner: c.var.rekey.owner, keyId: c.var.rekey.keyId }));
app.use("/dear", rekey({ cost: 60 }));
app.get("/dear", (c) => c.text("bought"));
app.use("/mistaken", rekey({ scopes: ["orders:*"] }));
app.get("/mistaken", (c) => c.text("never"));
app.post("/work", async (c) => {
  const { key } = await c.req.json<{ key: string }>();
  const held = await c.env.REKEY.verify({ key, reserve: 50 });
  if (!held.valid || !("reservation" in held) || held.reservation === undefined) return c.json(held, 402);
  return c.json(await c.env.REKEY.settle(held.reservation.id, 20));
});
app.post("/asks", async (c) => c.json(await c.env.REKEY.verify(await c.req.json())));
export default app;
`;

const WRANGLER = `name = "neighbour"\nmain = "index.ts"\ncompatibility_date = "2026-11-17"\n`;

let home: string;
let rekey: Rekey;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "rekey-hono-"));
  const installed = join(home, "node_modules/rekey");
  await mkdir(installed, { recursive: true });
  // In a checkout of its own: packing builds anew, and another test may be packing too.
  await using checkout = await checkOut();
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", home], { cwd: checkout.path });
  await run("tar", ["xzf", join(home, stdout.trim().split("\n").at(-1)!), "-C", installed, "--strip-components=1"]);
  for (const name of ["hono", "zod", "@cloudflare"])
    await symlink(join(root, "node_modules", name), join(home, "node_modules", name));
  const readme = await readFile(join(root, "README.md"), "utf8");
  const lines = /```ts\n(import \{ rekey[\s\S]*?)\n```/.exec(readme)![1]!;
  await writeFile(join(home, "index.ts"), worker(lines));
  await writeFile(join(home, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(home, "wrangler.toml"), WRANGLER);
  await run(join(root, "node_modules/.bin/wrangler"), ["deploy", "--dry-run", "--outdir", join(home, "built")], {
    cwd: home,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  rekey = await startRekey({ neighbour: join(home, "built/index.js") });
});
afterAll(async () => {
  await rekey?.stop();
  await rm(home, { recursive: true });
});

let key: { readonly key: string; readonly record: { readonly id: string } };
beforeEach(async () => {
  key = (await control("POST", "/keys", {
    name: "a key",
    owner: "acme",
    scopes: ["orders:read"],
    quota: { limit: 100, period: "day" },
  })) as typeof key;
});

async function control(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${rekey.url}/_rekey/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${rekey.adminToken}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return response.json<Record<string, unknown>>();
}
const used = async () => ((await control("GET", `/keys/${key.record.id}`)) as { quota: { used: number } }).quota.used;

/** A request to the other Worker. */
const neighbour = (path: string, headers: Record<string, string> = {}, body?: object) =>
  fetch(
    rekey.urls.at(-1)! + path,
    body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) },
  );
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const codeOf = async (response: Response) => [response.status, (await response.json<{ code: string }>()).code];

describe("rekey/hono, packed and installed in another Worker", () => {
  it("is typed for a strict Worker", async () => {
    const options = ["--strict", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2024"];
    const types = ["--types", "@cloudflare/workers-types", "--noEmit", "--skipLibCheck"];
    const tsc = join(root, "node_modules/.bin/tsc");
    const said = await run(tsc, [...options, ...types, "index.ts"], { cwd: home }).then(
      ({ stdout }) => stdout,
      (cause: { readonly stdout: string }) => cause.stdout,
    );
    expect(said).toBe("");
  });

  it("lets in who is admitted, says who it is, and counts the cost", async () => {
    const response = await neighbour("/orders/7", bearer(key.key));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ order: "7", owner: "acme", keyId: key.record.id });
    expect(await used()).toBe(1);
  });

  it("refuses in the words of the gateway", async () => {
    expect(await codeOf(await neighbour("/orders/7"))).toEqual([401, "missing-credentials"]);
    expect(await codeOf(await neighbour("/orders/7", bearer("junk")))).toEqual([401, "invalid-key"]);
    expect((await neighbour("/dear", bearer(key.key))).status).toBe(200);
    const spent = await neighbour("/dear", bearer(key.key));
    expect(Number(spent.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await codeOf(spent)).toEqual([429, "quota-exceeded"]);
    await control("PATCH", `/keys/${key.record.id}`, { scopes: [] });
    const weak = await neighbour("/orders/7", bearer(key.key));
    expect(weak.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="orders:read"');
    expect(await codeOf(weak)).toEqual([403, "insufficient-scope"]);
  });

  it("knows of a revoke at once", async () => {
    expect((await neighbour("/orders/7", bearer(key.key))).status).toBe(200);
    await control("POST", `/keys/${key.record.id}/revoke`, {});
    expect(await codeOf(await neighbour("/orders/7", bearer(key.key)))).toEqual([401, "key-revoked"]);
  });

  it("a mistake in a route's own options lets nobody in", async () => {
    expect(await codeOf(await neighbour("/mistaken", bearer(key.key)))).toEqual([503, "misconfigured"]);
  });
});

describe("the service by itself", () => {
  it("holds units and settles them", async () => {
    const response = await neighbour("/work", {}, { key: key.key });
    expect(await response.json()).toMatchObject({
      settled: true,
      reservation: { reserved: 50, used: 20, charged: 20 },
    });
    expect(await used()).toBe(20);
  });

  it("answers a question that cannot be understood with everything that is wrong, and throws nothing", async () => {
    const answer = await (await neighbour("/asks", {}, { key: 7, cost: -1, unknown: true })).json();
    expect(answer).toMatchObject({ valid: false, code: "invalid-request" });
    expect((answer as { errors: { path: string }[] }).errors.map(({ path }) => path).toSorted()).toEqual([
      "cost",
      "key",
      "unknown",
    ]);
  });

  it("decides as the control API does", async () => {
    const question = { key: key.key, scopes: ["orders:read"], dryRun: true };
    const byBinding = await (await neighbour("/asks", {}, question)).json<Record<string, unknown>>();
    const byHttp = await control("POST", "/verify", question);
    const { requestId: _a, decision: _b, ...binding } = byBinding;
    const { requestId: _c, decision: _d, ...http } = byHttp;
    expect(binding).toEqual(http);
  });
});
