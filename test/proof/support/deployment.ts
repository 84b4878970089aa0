import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Artefact } from "../../support/build.ts";
import { startRekey, type Rekey, type RekeyOptions } from "../../support/rekey.ts";

const built = new Map<Artefact, Promise<string>>();

/** Where the bundle is: the one of this run of vitest, or one that is made once for this process. */
function artefactsWith(artefact: Artefact): Promise<string> {
  let directory = built.get(artefact);
  if (directory === undefined) {
    const given = process.env["REKEY_ARTEFACTS"];
    directory = given === undefined ? made(artefact) : Promise.resolve(given);
    built.set(artefact, directory);
  }
  return directory;
}

async function made(artefact: Artefact): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "rekey-proof-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  await build(directory, [artefact]);
  return directory;
}

/** The product as it would be deployed, on storage of its own. */
export const deploy = async (options: RekeyOptions): Promise<Rekey> =>
  startRekey({
    ...options,
    artefacts: await artefactsWith(options.faultyLedger === true ? "faulty-ledger" : "deployed"),
  });
