import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkOut } from "../support/checkout.ts";

// The shipped rule asks for assertions.
const SECRETS = ["REKEY_ADMIN_TOKEN", "REKEY_PEPPERS", "REKEY_ASSERTION_KEY"];

it.each([
  ["no Worker yet", null, SECRETS],
  ["a Worker without one of them", ["REKEY_ADMIN_TOKEN", "REKEY_ASSERTION_KEY"], ["REKEY_PEPPERS"]],
  ["a Worker from before assertions", ["REKEY_ADMIN_TOKEN", "REKEY_PEPPERS"], ["REKEY_ASSERTION_KEY"]],
])("npm run deploy with %s names the secrets that are missing and changes nothing", async (_case, there, missing) => {
  await using account = await anAccount(there);
  await using checkout = await checkOut();
  const deploy = checkout.run("node", ["src/local/deploy.ts"], account.env);
  expect(await deploy.ended).toBe(1);
  const named = SECRETS.filter((name) => deploy.output().includes(`npx wrangler secret put ${name}`));
  expect(named).toEqual(missing);
  expect(account.changes).toEqual([]);
});

it("npm run deploy makes the ledger's database and its schema before it uploads any code", async () => {
  await using account = await anAccount(SECRETS);
  await using checkout = await checkOut();
  const deploy = checkout.run("node", ["src/local/deploy.ts"], account.env);
  // The stand-in takes no upload.
  expect(await deploy.ended).toBe(1);
  expect(deploy.output()).toContain("The Worker was not deployed");
  expect(account.changes[0]).toBe("POST /d1/database");
  expect(new Set(account.changes.slice(1))).toEqual(new Set([`POST /d1/database/${DATABASE}/query`]));
});

it("npm run deploy -- --dry-run needs no account", async () => {
  await using checkout = await checkOut();
  const deploy = checkout.run("node", ["src/local/deploy.ts", "--dry-run"], { CLOUDFLARE_API_TOKEN: "" });
  expect(await deploy.ended).toBe(0);
  expect(deploy.output()).toContain(`A deployment of "rekey" would check the secrets ${SECRETS.join(", ")},`);
});

it.each([
  ["without an assertion", "assertion = false", 0, "REKEY_ADMIN_TOKEN, REKEY_PEPPERS,"],
  ["that is wrong", 'cost = -1, scope = "x"', 1, "ROUTES[0]"],
])("npm run deploy -- --dry-run with a rule %s", async (_case, rule, code, said) => {
  await using checkout = await checkOut();
  const file = join(checkout.path, "wrangler.toml");
  await writeFile(file, (await readFile(file, "utf8")).replace('"/*", assertion = true }', `"/*", ${rule} }`));
  const deploy = checkout.run("node", ["src/local/deploy.ts", "--dry-run"], { CLOUDFLARE_API_TOKEN: "" });
  expect(await deploy.ended).toBe(code);
  expect(deploy.output()).toContain(said);
});

it("npm run deploy refuses a deployment whose webhooks may lead to loopback", async () => {
  await using checkout = await checkOut();
  const file = join(checkout.path, "wrangler.toml");
  const toml = await readFile(file, "utf8");
  await writeFile(file, toml.replace('MODE = "gateway"', 'MODE = "gateway"\nWEBHOOKS_TO_LOOPBACK = "allow"'));
  const deploy = checkout.run("node", ["src/local/deploy.ts", "--dry-run"], { CLOUDFLARE_API_TOKEN: "" });
  expect(await deploy.ended).toBe(1);
  expect(deploy.output()).toContain("WEBHOOKS_TO_LOOPBACK is for local runs");
});

const DATABASE = "11111111-1111-4111-8111-111111111111";

type Account = AsyncDisposable & {
  /** What wrangler needs to take it for Cloudflare's API. */
  readonly env: Readonly<Record<string, string>>;
  /** Every request that was not a GET, in order. */
  readonly changes: readonly string[];
};

/** A stand-in for the parts of Cloudflare's API before an upload. `secrets`: those of the Worker; null: there is no Worker. */
async function anAccount(secrets: readonly string[] | null): Promise<Account> {
  const changes: string[] = [];
  let database = false;

  const answer = (method: string, path: string): [status: number, result: unknown, code?: number] => {
    if (path.endsWith("/secrets"))
      return secrets === null ? [404, null, 10007] : [200, secrets.map((name) => ({ name }))];
    if (path === "/d1/database/rekey") return database ? [200, { uuid: DATABASE, name: "rekey" }] : [404, null, 7404];
    if (path === `/d1/database/${DATABASE}/query`)
      return [200, [{ success: true, results: [], meta: { duration: 1 } }]];
    if (path === "/d1/database" && method === "POST") {
      database = true;
      return [200, { uuid: DATABASE, name: "rekey" }];
    }
    return [404, null, 1];
  };

  const server: Server = createServer((request, response) => {
    const path = request.url!.replace(/^\/accounts\/account|\?.*$/g, "");
    if (request.method !== "GET") changes.push(`${request.method} ${path}`);
    const [status, result, code] = answer(request.method!, path);
    const errors = code === undefined ? [] : [{ code, message: "refused" }];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: status === 200, errors, messages: [], result }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { CLOUDFLARE_API_BASE_URL: url, CLOUDFLARE_API_TOKEN: "token", CLOUDFLARE_ACCOUNT_ID: "account" },
    changes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
