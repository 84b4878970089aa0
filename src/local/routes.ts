import { command, Stop } from "./command.ts";
import { METHODS, routesSetting, ruleFor, targetOf, UNNAMED } from "./routes-setting.ts";

const HELP = `
npm run routes -- <method> <path>

Says which rule of ROUTES in wrangler.toml decides about a request, and what it asks. Reads the rules
and the path with the Worker's own code; starts nothing and asks nobody.

  npm run routes -- GET /v1/orders/7
`;

await command(
  HELP,
  [],
  async (_flags, [method = "", path = "", ...rest]) => {
    if (!path.startsWith("/") || rest.length > 0) throw new Stop("Name a method and a path, like: GET /v1/orders/7");
    if (!METHODS.includes(method)) throw new Stop(`${method} is refused (405). Forwarded are: ${METHODS.join(", ")}.`);
    const target = targetOf(`https://host${path}`);
    if (!target.ok) throw new Stop(`${path} is refused (400 invalid-path): ${target.because}.`);
    if (/^\/_rekey(?:\/|$)/.test(target.path)) {
      return console.log(`${target.path} belongs to Rekey itself; no rule reaches it.`);
    }

    const routes = routesSetting();
    const rule = ruleFor(routes, method, target.path);
    const which = rule === UNNAMED ? "no rule, so it needs a valid key and costs 1" : `ROUTES[${routes.indexOf(rule)}]`;
    console.log(`${method} ${target.path} is decided by ${which}.`);
    console.log(JSON.stringify(rule, null, 2));
  },
  { positionals: true },
);
