import { command } from "./command.ts";
import { checkWorkerSettings } from "./worker-settings.ts";

const HELP = `
npm run check-settings

Judges the settings and the rules in wrangler.toml with the Worker's own code, and names everything
that is wrong with them. wrangler runs it before it bundles, so that what cannot be served is not
deployed.
`;

await command(HELP, [], async () => checkWorkerSettings());
