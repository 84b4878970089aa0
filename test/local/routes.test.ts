import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkOut, type Checkout } from "../support/checkout.ts";

let checkout: Checkout;
let shipped: string;
beforeAll(async () => {
  checkout = await checkOut();
  shipped = await readFile(join(checkout.path, "wrangler.toml"), "utf8");
});
afterAll(() => checkout[Symbol.asyncDispose]());

/** Puts these lines of rules in front of the shipped one. */
const setRules = (rules: string) =>
  writeFile(join(checkout.path, "wrangler.toml"), shipped.replace("\nROUTES = [\n", `\nROUTES = [\n${rules}\n`));

async function routes(...words: string[]) {
  const { ended, output } = checkout.run("npm", ["run", "--silent", "routes", "--", ...words]);
  return { code: await ended, said: output() };
}

describe("npm run routes", () => {
  it("says which rule of the shipped setting decides, and what it asks", async () => {
    const { code, said } = await routes("GET", "/v1/orders/7");
    expect(code).toBe(0);
    const [first, ...rule] = said.split("\n");
    expect(first).toBe("GET /v1/orders/7 is decided by ROUTES[0].");
    expect(JSON.parse(rule.join("\n"))).toMatchObject({ path: "/*", charge: { cost: 1 }, assertion: true });
  });

  it("reads the path as the gateway does", async () => {
    await setRules(`  { path = "/v1/orders/*", methods = ["GET"], scopes = ["orders:read"] },`);
    expect((await routes("GET", "/v1/%6Frders/./7")).said).toContain("GET /v1/orders/7 is decided by ROUTES[0].");
    expect((await routes("POST", "/v1/orders/7")).said).toContain("is decided by ROUTES[1].");
  });

  it("says what is refused whatever the rules are", async () => {
    const { code, said } = await routes("GET", "/v1//7");
    expect([code, said.trim()]).toEqual([
      1,
      "/v1//7 is refused (400 invalid-path): the path contains an empty segment.",
    ]);
  });

  it("names everything in the setting that cannot be used", async () => {
    await setRules(`  { path = "/a", cost = -1 },\n  { path = "b" },`);
    const { code, said } = await routes("GET", "/a");
    expect(code).toBe(1);
    expect(said).toContain("  ROUTES[0].cost ");
    expect(said).toContain("  ROUTES[1].path ");
  });
});
