import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../support/build.ts";
import { startRekey, type Rekey, type RekeyOptions } from "../../support/rekey.ts";

let built: Promise<string> | null = null;

/** Where the bundles are: those of this run of vitest, or ones made once for this process. */
function artefacts(): Promise<string> {
  built ??= (async () => {
    const given = process.env["REKEY_ARTEFACTS"];
    if (given !== undefined) return given;
    const directory = await mkdtemp(join(tmpdir(), "rekey-proof-"));
    await build(directory);
    return directory;
  })();
  return built;
}

/** The product as it would be deployed, on storage of its own. */
export const deploy = async (options: RekeyOptions): Promise<Rekey> =>
  startRekey({ ...options, artefacts: await artefacts() });
