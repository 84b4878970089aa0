import { command, Stop } from "./command.ts";
import {
  forwardedMethods,
  METHODS,
  opaqueRuleFor,
  routeTableSetting,
  ruleFor,
  targetOf,
  UNNAMED,
  UNNAMED_DENIED,
  type RouteRule,
} from "./routes-setting.ts";

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
    if (/^\/_rekey(?:[/?]|$)/.test(path)) return console.log(`${path} belongs to Rekey itself; no rule reaches it.`);
    const table = routeTableSetting();
    const raw = path.replace(/\?.*$/, "");
    const opaque = opaqueRuleFor(table, method, raw);
    const target = targetOf(`https://host${path}`);
    if (opaque === "refused")
      throw new Stop(`${path} is refused (400 invalid-path): no rule can be held to its readings.`);
    if (opaque === null && !target.ok) throw new Stop(`${path} is refused (400 invalid-path): ${target.because}.`);
    const judged = opaque === null && target.ok ? target.path : raw;
    const rule = opaque ?? ruleFor(table, method, judged);
    if (rule === null) {
      const forwarded = forwardedMethods(table, METHODS).join(", ");
      throw new Stop(`${method} is refused here (405). Some path forwards: ${forwarded}.`);
    }
    console.log(`${method} ${judged} ${whichOf(table.rules, rule)}`);
    if (rule["deny"] === true) console.log("It lets nobody in: 404.");
    console.log(JSON.stringify(rule, null, 2));
  },
  { positionals: true },
);

function whichOf(rules: readonly RouteRule[], rule: RouteRule): string {
  if (rules.includes(rule)) return `is decided by ROUTES[${rules.indexOf(rule)}].`;
  if (rule === UNNAMED) return "is decided by no rule, so it needs a valid key and costs 1.";
  if (rule === UNNAMED_DENIED) return "is decided by no rule, so nobody gets in (ROUTES_DEFAULT).";
  return "is decided by several rules, because frameworks read its spelling as other paths too: what is strictest holds.";
}
