import { unstable_readConfig as readConfig } from "wrangler";
import { command, Stop } from "./command.ts";
import { ASSERTION_KEY, REQUIRED_SECRETS } from "./dev-vars.ts";
import { needsAssertionKey, routesSetting } from "./routes-setting.ts";
import { checkWorkerSettings } from "./worker-settings.ts";
import { ROOT, wrangler, wranglerInFront } from "./wrangler.ts";

const HELP = `
npm run deploy [-- --dry-run]

Deploys Rekey to your Cloudflare account: checks that its secrets are there, brings the ledger's schema
up to date, then uploads the Worker. Nothing is changed if a secret is missing.

  --dry-run    check the configuration and the bundle; needs no account and changes nothing

Log in first: npx wrangler login (or set CLOUDFLARE_API_TOKEN).
`;

type Secret = { readonly name: string; readonly is: string; readonly recipe: string };
type Database = { readonly binding: string; readonly database_name?: string };

await command(HELP, ["dry-run"], async ({ "dry-run": dryRun = false }) => {
  const { name, d1_databases, vars } = readConfig({ config: `${ROOT}/wrangler.toml` });
  const ledger = (d1_databases as Database[]).find(({ binding }) => binding === "DB");
  if (ledger?.database_name === undefined) throw new Stop("wrangler.toml names no database for the binding DB.");

  if (vars["WEBHOOKS_TO_LOOPBACK"]) {
    throw new Stop("WEBHOOKS_TO_LOOPBACK is for local runs, which set it by themselves: take it out of wrangler.toml.");
  }

  checkWorkerSettings();
  const secrets = [...REQUIRED_SECRETS, ...(needsAssertionKey(routesSetting()) ? [ASSERTION_KEY] : [])];

  if (dryRun) {
    if (!(await wranglerInFront("deploy", "--dry-run")))
      throw new Stop("It would not deploy; wrangler says above why.");
    const names = secrets.map((secret) => secret.name).join(", ");
    console.log(`\nA deployment of "${name}" would check the secrets ${names},`);
    console.log(`apply the migrations of "${ledger.database_name}" and upload the above.`);
    return;
  }

  console.log(`Checking the secrets of "${name}" ...`);
  await checkSecrets(secrets);
  if (vars["MODE"] === "gateway" && !vars["ORIGIN_URL"]) {
    console.log(
      "ORIGIN_URL is empty in wrangler.toml: requests go to the zone's own origin. On workers.dev there is none.",
    );
  }

  // The schema before the code that needs it: old code does not mind a table it does not know.
  console.log(`Applying the migrations of "${ledger.database_name}" ...`);
  await ensureDatabase(ledger.database_name);
  if (!(await wranglerInFront("d1", "migrations", "apply", "DB", "--remote"))) {
    throw new Stop("The migrations were not applied, so nothing was deployed; wrangler says above why.");
  }

  if (!(await wranglerInFront("deploy"))) throw new Stop("The Worker was not deployed; wrangler says above why.");
});

/** Every required secret has been set on the Worker. Their values cannot be read back; the Worker judges them itself. */
async function checkSecrets(secrets: readonly Secret[]): Promise<void> {
  const listed = await wrangler("secret", "list", "--format", "json");
  const isNew = /Worker .* not found/i.test(listed.stdout + listed.stderr);
  if (!listed.ok && !isNew) throw new Stop(`The secrets cannot be listed:\n${listed.stdout}${listed.stderr}`);

  const there = listed.ok ? (JSON.parse(listed.stdout) as { name: string }[]).map((secret) => secret.name) : [];
  const missing = secrets.filter(({ name }) => !there.includes(name));
  if (missing.length === 0) return;
  throw new Stop(
    [
      "Secrets are missing, so nothing was deployed. Make each, keep a copy where your team keeps secrets, and paste it:",
      ...missing.map(
        ({ name, is, recipe }) => `\n  ${name} (${is})\n    ${recipe}\n    npx wrangler secret put ${name}`,
      ),
      "\nThen run this again.",
      ...(listed.ok ? [] : ["The first one asks whether to create the Worker: answer yes."]),
    ].join("\n"),
  );
}

/** Makes the ledger's database if the account has none of that name: the first deployment. */
async function ensureDatabase(name: string): Promise<void> {
  const info = await wrangler("d1", "info", name, "--json");
  if (info.ok) return;
  if (!/couldn't find/i.test(info.stdout + info.stderr)) {
    throw new Stop(`The database "${name}" cannot be looked up:\n${info.stdout}${info.stderr}`);
  }
  const created = await wrangler("d1", "create", name, "--update-config=false");
  if (!created.ok) throw new Stop(`The database "${name}" was not created:\n${created.stdout}${created.stderr}`);
  console.log(`Created the database "${name}".`);
}
