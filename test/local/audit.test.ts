import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { control, done, rotate } from "../support/over-http.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ faultyLedger: true });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const root = join(import.meta.dirname, "../..");

/** Runs the command as somebody does at a shell; the token is in the environment. */
const audit = (...words: string[]) =>
  new Promise<{ readonly code: number; readonly said: string }>((resolve) => {
    const env = { ...process.env, REKEY_ADMIN_TOKEN: gateway.rekey.adminToken };
    execFile(process.execPath, ["src/local/audit.ts", ...words], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr });
    });
  });

async function keyWithHistory(): Promise<string> {
  const { id } = await gateway.issue();
  await rotate(gateway.rekey, id, gateway.rekey.url);
  await done(control(gateway.rekey, "POST", `/keys/${id}/revoke`, {}));
  return id;
}

describe("npm run audit", () => {
  it("exits with 0 while every history is what its key wrote, with 1 when one is not, and names the event", async () => {
    const { rekey } = gateway;
    const ids = [await keyWithHistory(), await keyWithHistory(), await keyWithHistory()];
    expect(await audit(ids[1]!, "--url", rekey.url)).toEqual({
      code: 0,
      said: "1 intact (0 with events on the way), 0 broken, 0 not checked\n",
    });
    expect(await audit("--all", "--url", rekey.url)).toEqual({
      code: 0,
      said: "3 intact (0 with events on the way), 0 broken, 0 not checked\n",
    });

    await rekey.ledgerSql("UPDATE events SET actor = 'somebody' WHERE key_id = ? AND sequence = 2", ids[1]!);
    const one = await audit(ids[1]!, "--url", rekey.url);
    expect(one.code).toBe(1);
    expect(one.said).toContain(
      `✗ ${ids[1]}: event 2 was altered. The row is not the event that the key's object wrote.`,
    );
    const all = await audit("--all", "--url", rekey.url);
    expect(all.code).toBe(1);
    expect(all.said).toContain("2 intact (0 with events on the way), 1 broken, 0 not checked");
    expect(all.said).toContain("The ledger was changed behind the keys' backs.");
  });

  it("exits with 2 when it cannot be checked: a key that is none, a ledger that is down, nobody who answers", async () => {
    const { rekey } = gateway;
    const id = await keyWithHistory();
    const unknown = await audit("key_0000000000000404", "--url", rekey.url);
    expect(unknown).toMatchObject({ code: 2, said: expect.stringContaining("not checked (not-found)") });
    expect(await audit("--url", rekey.url)).toMatchObject({ code: 2 });
    expect(await audit("--everything")).toMatchObject({ code: 2 });
    expect(await audit(id, "--url", rekey.url, "--token", "wrong")).toMatchObject({ code: 2 });

    await rekey.ledgerFault("fail");
    const down = await audit(id, "--url", rekey.url);
    await rekey.ledgerFault("pass");
    expect(down).toMatchObject({ code: 2, said: expect.stringContaining("not checked (ledger-unavailable)") });
    expect(await audit("--help")).toMatchObject({ code: 0, said: expect.stringContaining("Exits with 0") });
  });
});
