import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** Somebody else's program: strict, of Node's own module kind, and without a type of Cloudflare's. */
const PROGRAM = `
import { controlClient, selfClient, valueOf, type Problem } from "rekey/client";

const rekey = controlClient({ url: "http://127.0.0.1:1", token: "t", attempts: 1 });

export async function issue(): Promise<string> {
  const issued = await rekey.createKey({ name: "a", scopes: ["a:b"] as const, quota: { limit: 1, period: "month" } });
  return issued.ok ? issued.value.key + issued.value.record.status : explain(issued.problem);
}

export function explain(problem: Problem): string {
  switch (problem.code) {
    case "version-conflict":
      return String(problem.currentVersion);
    case "invalid-request":
      return (problem.errors ?? []).map(({ path }) => path).join();
    case "no-answer":
      return String(problem.status);
    default:
      return problem.title;
  }
}

export const misused = () => [
  // @ts-expect-error there is no such period
  rekey.createKey({ name: "a", quota: { limit: 1, period: "decade" } }),
  // @ts-expect-error there is no such field
  rekey.createKey({ name: "a", owners: ["b"] }),
  // @ts-expect-error only a key rotates itself
  rekey.rotateSelf(),
  // @ts-expect-error nothing is known of it before it is known to be one
  (problem: Problem) => problem.currentVersion,
];

console.log(await issue(), typeof selfClient, typeof valueOf);
`;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "rekey-client-"));
  const installed = join(home, "node_modules/rekey");
  await mkdir(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", home], { cwd: root });
  await run("tar", ["xzf", join(home, stdout.trim().split("\n").at(-1)!), "-C", installed, "--strip-components=1"]);
  // What the client's types are written in, and the only other package they need.
  await symlink(join(root, "node_modules/zod"), join(home, "node_modules/zod"));
  await writeFile(join(home, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(home, "program.ts"), PROGRAM);
});
afterAll(() => rm(home, { recursive: true }));

describe("rekey/client, packed and installed elsewhere", () => {
  it("is typed for a strict program that knows nothing of Cloudflare", async () => {
    const options = ["--strict", "--module", "nodenext", "--target", "es2024", "--lib", "es2024,dom", "--types", ""];
    const tsc = join(root, "node_modules/.bin/tsc");
    const said = await run(tsc, [...options, "--exactOptionalPropertyTypes", "program.ts"], { cwd: home }).then(
      ({ stdout }) => stdout,
      (cause: { readonly stdout: string }) => cause.stdout,
    );
    expect(said).toBe("");
  });

  it("runs in plain Node without another package", async () => {
    await rm(join(home, "node_modules/zod"));
    const { stdout } = await run(process.execPath, ["program.js"], { cwd: home });
    expect(stdout).toBe("null function function\n");
  });
});
