import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { command, Stop } from "./command.ts";
import { wrangler } from "./wrangler.ts";

/** Code is read and compiled before the first request: what is not needed at the edge has no place in it. */
const BUDGET_KIB = 140;

const HELP = `
npm run bundle

Bundles the Worker as a deployment would, without deploying: wrangler.toml must be accepted without
a warning, and the code must be at most ${BUDGET_KIB} KiB gzipped (pages and other assets do not count).
`;

await command(HELP, [], async () => {
  const directory = await mkdtemp(join(tmpdir(), "rekey-bundle-"));
  try {
    const built = await wrangler("deploy", "--dry-run", "--outdir", directory);
    const said = `${built.stdout}${built.stderr}`;
    if (!built.ok) throw new Stop(`The Worker cannot be bundled:\n${said}`);
    if (said.includes("WARNING")) throw new Stop(`wrangler warns:\n${said}`);

    const kib = (await gzippedBytes(directory)) / 1024;
    if (kib > BUDGET_KIB) {
      throw new Stop(`The bundle is ${kib.toFixed(1)} KiB gzipped, over its budget of ${BUDGET_KIB} KiB.`);
    }
    console.log(`Bundle: ${kib.toFixed(1)} KiB gzipped, of at most ${BUDGET_KIB} KiB.`);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** All modules of the bundle together; source maps are not sent to the edge. */
async function gzippedBytes(directory: string): Promise<number> {
  const files = await readdir(directory, { recursive: true });
  const modules = files.filter((file) => /\.(?:js|mjs|wasm|txt|html|sql|bin)$/.test(file));
  const contents = await Promise.all(modules.map((file) => readFile(join(directory, file))));
  return gzipSync(Buffer.concat(contents), { level: 9 }).length;
}
