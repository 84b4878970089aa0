import { testSecrets } from "../support/settings.ts";
import { migrate } from "./ledger.ts";
import { start, type Artefact, type Contestant, type Running } from "./workerd.ts";

const text = (value: string) => ({ type: "text", value }) as const;

/** The Worker's environment beside its objects: the ledger, and secrets worth nothing elsewhere. */
const ENV = {
  DB: { type: "d1", id: "ledger" },
  ...Object.fromEntries(Object.entries(testSecrets).map(([name, value]) => [name, text(value)])),
} as const;

/** Runs a build of the product with a fresh ledger, and with these bindings on top of the usual ones. */
export async function startRekey(
  name: string,
  artefact: Artefact,
  env: Contestant["env"] = {},
  evicts = false,
): Promise<Running> {
  const rekey = await start({ name, artefact, env: { ...ENV, ...env }, evicts });
  await migrate(await rekey.d1("DB"));
  return rekey;
}
