import { RekeyError } from "../client/index.ts";
import { command, Stop } from "./command.ts";
import { Deployment } from "./deployment.ts";
import { readDevVar } from "./dev-vars.ts";

const HELP = `
npm run smoke -- <url> [--pairs <n>] [--token <token>]

Checks a real deployment against what Rekey promises, from where you are: that a secret is dead when its
rotation has answered, that a revoked key is, and that a quota of 50 admits 50 of 500. It makes keys of its
own, named "smoke: ...", and revokes and purges them when it is done. Nothing is sent to your origin.

  <url>      e.g. https://api.example.com
  --pairs    how many rotations, each followed by a use of the old secret (1000)
  --token    the admin token; better in the environment, as REKEY_ADMIN_TOKEN. Without either: that of .dev.vars.

Exits with 0 if everything held, with 1 if anything did not, and with 2 if it could not be checked.
`;

const USUAL_PAIRS = 1_000;
const BROKEN = 1;
const UNKNOWN = 2;

await command(
  HELP,
  [],
  async (_flags, words, { token, pairs = String(USUAL_PAIRS) }) => {
    const [url, ...more] = words;
    if (url === undefined || more.length > 0) throw new Stop("Name one deployment. See --help.", UNKNOWN);
    if (!/^[1-9][0-9]{0,5}$/.test(pairs)) throw new Stop("--pairs must be a whole number from 1 to 999999.", UNKNOWN);
    const deployment = new Deployment(url.replace(/\/+$/, ""), token ?? adminToken());
    const interrupted = () => void deployment.cleanUp().then(() => process.exit(UNKNOWN));
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
    try {
      await deployment.checkRotations(Number(pairs));
      await deployment.checkQuota();
      await deployment.checkRevocation();
    } catch (cause) {
      throw cause instanceof RekeyError ? new Stop(`Rekey refused a call: ${cause.message}`, UNKNOWN) : cause;
    } finally {
      await deployment.cleanUp();
    }
    if (deployment.broken > 0) throw new Stop("This deployment does not keep what Rekey promises.", BROKEN);
    console.log("\nEverything held.");
  },
  { positionals: true, texts: ["pairs", "token"] },
);

function adminToken(): string {
  const token = process.env["REKEY_ADMIN_TOKEN"] || readDevVar("REKEY_ADMIN_TOKEN");
  if (!token) throw new Stop("No admin token: set REKEY_ADMIN_TOKEN, or give --token.", UNKNOWN);
  return token;
}
