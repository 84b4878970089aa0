import { command, Stop } from "./command.ts";
import { DEV_VARS } from "./dev-vars.ts";
import { startLocal } from "./local-rekey.ts";
import { npmEnds } from "./parent.ts";
import { localSettings } from "./settings.ts";
import { checkWorkerSettings } from "./worker-settings.ts";

const HELP = `
npm start [-- --verbose]

Runs Rekey on this machine, without a Cloudflare account: the gateway, the control API and a demo
origin, on storage that survives a restart. Makes .dev.vars with fresh secrets if there is none.

  --verbose    show everything the Worker logs
  PORT         where to listen on 127.0.0.1 (8787)
  STATE_DIR    where keys and ledger are kept (.rekey/state)
  ORIGIN_URL   forward to this origin instead of the demo one
`;

await command(HELP, ["verbose"], async ({ verbose = false }) => {
  const stopping = new Promise<"stopping">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve("stopping"));
    void npmEnds().then(() => resolve("stopping"));
  });

  const settings = localSettings(process.env);
  // Before anything is started: with these the Worker would answer every request with 503.
  checkWorkerSettings(settings.originUrl === undefined ? {} : { ORIGIN_URL: settings.originUrl });

  const starting = startLocal({ ...settings, verbose, progress: console.log });
  const rekey = await Promise.race([starting, stopping]);
  if (rekey === "stopping") {
    // Interrupted before it ran: what it has started meanwhile is ended all the same.
    await starting.then((started) => started.stop()).catch(() => {});
    return;
  }

  console.log(welcome(rekey.url, rekey.originUrl));
  const end = await Promise.race([stopping, rekey.ended]);
  await rekey.stop();
  if (end !== "stopping") throw new Stop("The Worker has ended by itself; what it said is above.");
  console.log("\nStopped. Keys and ledger are kept for the next start.");
});

/** Lines that work as they are in another terminal: curl and sed are all they need. */
function welcome(url: string, originUrl: string): string {
  const keys = `${url}/_rekey/v1/keys`;
  const admin = `-H "Authorization: Bearer $ADMIN"`;
  const json = `-H "Content-Type: application/json"`;
  return `
Rekey listens on ${url} and forwards to ${originUrl}. Ctrl-C stops it.
Paste this into another terminal:

  # The token of the control API
  ADMIN=$(sed -n 's/^REKEY_ADMIN_TOKEN=//p' '${DEV_VARS}')

  # Create a key that may be used 50 times a day. Its text is shown once, here
  CREATED=$(curl -s ${keys} ${admin} ${json} -d '{"name":"first key","quota":{"limit":50,"period":"day"}}')
  printf '%s\\n' "$CREATED"
  KEY=$(printf '%s' "$CREATED" | sed 's/.*"key":"\\([^"]*\\)".*/\\1/')
  ID=$(printf '%s' "$CREATED" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')

  # Use it: the demo origin answers what it received, and the key itself is not among it
  curl -i ${url}/hello -H "Authorization: Bearer $KEY"; echo

  # Rotate it
  ROTATED=$(curl -s ${keys}/$ID/rotate ${admin} ${json} -d '{}')
  NEW=$(printf '%s' "$ROTATED" | sed 's/.*"key":"\\([^"]*\\)".*/\\1/')

  # The old key is dead: 401 key-rotated. The new one works, with what is left of the 50
  curl -i ${url}/hello -H "Authorization: Bearer $KEY"; echo
  curl -i ${url}/hello -H "Authorization: Bearer $NEW"; echo

See it all at once, 500 requests in parallel included: npm run demo
`;
}
