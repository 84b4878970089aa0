import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testSecrets } from "../support/settings.ts";
import { checkOut, freePort, signalGroup, type Checkout, type Job } from "../support/checkout.ts";

const READY = "See it all at once";

describe("npm start on a fresh checkout", () => {
  it("makes secrets, serves, and prints lines that work as they are; Ctrl-C leaves nothing behind", async () => {
    await using checkout = await checkOut();
    const url = `http://127.0.0.1:${await freePort()}`;
    const start = checkout.run("npm", ["start"], { PORT: new URL(url).port });
    await start.says(READY);

    expect((await stat(join(checkout.path, ".dev.vars"))).mode & 0o777).toBe(0o600);

    const printed = start.output().split("Paste this into another terminal:")[1]!.split(READY)[0]!;
    const pasted = checkout.run("sh", ["-c", printed]);
    expect(await pasted.ended).toBe(0);
    // Used, rotated, the old key refused, the new one used with what is left.
    expect(pasted.output().match(/^HTTP\/1\.1 \d+|"code":"[a-z-]+"|^ratelimit: .*r=\d+/gim)).toEqual([
      "HTTP/1.1 200",
      'ratelimit: "quota";r=49',
      "HTTP/1.1 401",
      '"code":"key-rotated"',
      "HTTP/1.1 200",
      'ratelimit: "quota";r=48',
    ]);

    signalGroup(start.pid, "SIGINT");
    await start.ended;
    expect(start.output()).toContain("Stopped.");
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  it("keeps no trace of a request: a key in a refused URL lies in no file of its state", async () => {
    await using checkout = await checkOut();
    const url = `http://127.0.0.1:${await freePort()}`;
    const start = await started(checkout, { PORT: new URL(url).port });
    const devVars = await readFile(join(checkout.path, ".dev.vars"), "utf8");
    const headers = { ...admin(devVars), "content-type": "application/json" };
    const created = await fetch(`${url}/_rekey/v1/keys`, { method: "POST", headers, body: '{"name":"a key"}' });
    const { key, record } = await created.json<{ key: string; record: { id: string } }>();
    for (const path of [`/hello?key=${key}`, `/hello/${key}`, `/_rekey/v1/keys?cursor=${key}`]) {
      expect((await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })).status).toBe(400);
    }
    await fetch(`${url}/hello`, { headers: { authorization: `Bearer ${key}` } });
    signalGroup(start.pid, "SIGTERM");
    await start.ended;
    const state = join(checkout.path, ".rekey");
    const files = (await readdir(state, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
    // The search finds what is there.
    expect(texts.some((text) => text.includes(record.id))).toBe(true);
    expect(files.filter((_, at) => texts[at]!.includes(key)).map(({ name }) => name)).toEqual([]);
  });

  it("ends when npm alone is ended", async () => {
    await using checkout = await checkOut();
    const port = String(await freePort());
    const start = checkout.run("npm", ["start"], { PORT: port });
    await start.says(READY);
    process.kill(start.pid, "SIGTERM");
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed"), 15_000);
  });
});

describe("a Rekey that runs, with secrets from before a later release", () => {
  const older = `# mine\nREKEY_ADMIN_TOKEN=${testSecrets.REKEY_ADMIN_TOKEN}\nREKEY_PEPPERS=${testSecrets.REKEY_PEPPERS}`;
  let checkout: Checkout;
  let start: Job;
  let port: string;
  let file: string;
  beforeAll(async () => {
    checkout = await checkOut();
    file = join(checkout.path, ".dev.vars");
    await writeFile(file, older);
    port = String(await freePort());
    start = await started(checkout, { PORT: port, ORIGIN_URL: "http://127.0.0.1:9" });
  });
  afterAll(() => checkout[Symbol.asyncDispose]());

  it("has added those that came with it, and changed not a byte of the others", async () => {
    expect(start.output()).toContain("Added to .dev.vars: REKEY_ASSERTION_KEY, REKEY_PROXY_TOKEN.");
    const newer = await readFile(file, "utf8");
    expect(newer.startsWith(`${older}\n`)).toBe(true);
    expect(newer.match(/^REKEY_\w+/gm)).toEqual([
      "REKEY_ADMIN_TOKEN",
      "REKEY_PEPPERS",
      "REKEY_ASSERTION_KEY",
      "REKEY_PROXY_TOKEN",
    ]);
  });

  it("forwards to ORIGIN_URL if it is set", () => {
    expect(start.output()).toContain("forwards to http://127.0.0.1:9.");
  });

  it("lets no other run on the same state", async () => {
    const second = checkout.run("node", ["src/local/start.ts"], { PORT: String(await freePort()) });
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain("runs on");
    expect(second.output()).toContain("STATE_DIR=");
  });

  it("has, after a SIGKILL and a start on the same port and state, the same secrets and the same keys", async () => {
    const secrets = await readFile(file, "utf8");
    const id = await createKey(port, secrets);

    process.kill(start.pid, "SIGKILL");
    await start.ended;
    // What it had started notices by itself.
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed"), 5_000);

    const again = await started(checkout, { PORT: port });
    expect(again.output()).not.toContain("Added");
    expect(await readFile(file, "utf8")).toBe(secrets);
    const kept = await fetch(`http://127.0.0.1:${port}/_rekey/v1/keys/${id}`, { headers: admin(secrets) });
    expect(kept.status).toBe(200);
  });
});

describe("what cannot work is said, and nothing is started", () => {
  it("the port is in use", async () => {
    await using checkout = await checkOut();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const start = checkout.run("node", ["src/local/start.ts"], { PORT: String(port) });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain(`Port ${port} is in use by another program`);
    expect(start.output()).toContain(`PORT=${port + 1} npm start`);
    other.close();
  });

  it("a secret is missing from .dev.vars, which stays as it is", async () => {
    await using checkout = await checkOut();
    const lacking = "REKEY_ADMIN_TOKEN=mine\n";
    await writeFile(join(checkout.path, ".dev.vars"), lacking);
    const start = checkout.run("node", ["src/local/start.ts"], { PORT: String(await freePort()) });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain("REKEY_PEPPERS");
    expect(start.output()).not.toContain("REKEY_ADMIN_TOKEN");
    expect(await readFile(join(checkout.path, ".dev.vars"), "utf8")).toBe(lacking);
  });

  it.each([
    [{ PORT: "80a" }, 'PORT is "80a"'],
    [{ PORT: "70000" }, 'PORT is "70000"'],
    [{ ORIGIN_URL: "localhost:3000" }, 'ORIGIN_URL is "localhost:3000"'],
  ])("%j", async (env, message) => {
    await using checkout = await checkOut();
    const start = checkout.run("node", ["src/local/start.ts"], env);
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain(message);
  });
});

describe("settings with which nothing could be served end it before it has begun", () => {
  it.each([
    ["ROUTES = [", 'ROUTES = [\n  { path = "/v1/orders/:id" },', "ROUTES[0].path has a named segment"],
    ["ROUTES = [", 'ROUTES = [\n  { path = "/*" },', "ROUTES[1].path is named again"],
    ["ROUTES = [", "ROUTS = [", "ROUTES is not set"],
    ['ORIGIN_URL = ""', 'ORIGIN_URL = "http://10.0.0.5:3000"', "ORIGIN_URL must be https"],
  ])("%s → %s: %s", async (is, becomes, message) => {
    await using checkout = await checkOut();
    const file = join(checkout.path, "wrangler.toml");
    await writeFile(file, (await readFile(file, "utf8")).replace(is, becomes));
    const start = checkout.run("node", ["src/local/start.ts"], { PORT: String(await freePort()) });
    const bundle = checkout.run("npx", ["wrangler", "deploy", "--dry-run"], { CLOUDFLARE_API_TOKEN: "" });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain(message);
    expect(start.output()).not.toContain("Rekey listens");
    expect(await bundle.ended).not.toBe(0);
    expect(bundle.output()).toContain(message);
  });

  it("a secret that cannot be used", async () => {
    await using checkout = await checkOut();
    await writeFile(join(checkout.path, ".dev.vars"), "REKEY_ADMIN_TOKEN=short\nREKEY_PEPPERS=a:short\n");
    const start = checkout.run("node", ["src/local/start.ts"], { PORT: String(await freePort()) });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain("These settings cannot be used: REKEY_ADMIN_TOKEN, REKEY_PEPPERS");
  });
});

describe("npm run <name> -- --help", () => {
  let checkout: Checkout;
  beforeAll(async () => {
    checkout = await checkOut();
  });
  afterAll(() => checkout[Symbol.asyncDispose]());

  it.each(["start", "demo", "deploy", "bundle", "routes", "check-settings", "audit"])(
    "explains %s and does nothing else",
    async (name) => {
      const before = await readdir(checkout.path);
      const run = (flag: string) => checkout.run("node", [`src/local/${name}.ts`, flag]);
      const [help, unknown] = [run("--help"), run("--nonsense")];
      expect(await help.ended).toBe(0);
      expect(help.output()).toMatch(new RegExp(`^npm (?:run )?${name}`));
      expect(await unknown.ended).toBe(2);
      expect(unknown.output()).toContain("--nonsense");
      expect(await readdir(checkout.path)).toEqual(before);
    },
  );
});

/** `npm start` without npm: the process itself, so that it can be killed alone. */
async function started(checkout: Checkout, env: Readonly<Record<string, string>> = {}): Promise<Job> {
  const start = checkout.run("node", ["src/local/start.ts"], { PORT: String(await freePort()), ...env });
  await start.says(READY);
  return start;
}

function admin(devVars: string): Record<string, string> {
  return {
    authorization: `Bearer ${/^REKEY_ADMIN_TOKEN=(.+)$/m.exec(devVars)![1]}`,
    "content-type": "application/json",
  };
}

async function createKey(port: string, devVars: string): Promise<string> {
  const created = await fetch(`http://127.0.0.1:${port}/_rekey/v1/keys`, {
    method: "POST",
    headers: admin(devVars),
    body: JSON.stringify({ name: "survivor" }),
  });
  expect(created.status).toBe(201);
  return (await created.json<{ record: { id: string } }>()).record.id;
}
