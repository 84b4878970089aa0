import { generateKeyPairSync, randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Stop } from "./command.ts";
import { ROOT } from "./wrangler.ts";

/** Secrets of this machine's own Rekey, never of a deployment. Ignored by git. */
export const DEV_VARS = join(ROOT, ".dev.vars");

/** What every deployment needs: what each is for, how to make one here, and how to make one at a shell. */
export const REQUIRED_SECRETS = [
  {
    name: "REKEY_ADMIN_TOKEN",
    is: "opens the control API",
    fresh: () => randomBytes(32).toString("base64url"),
    recipe: "openssl rand -hex 32",
  },
  {
    name: "REKEY_PEPPERS",
    is: "signs the keys",
    fresh: () => `a:${randomBytes(32).toString("base64url")}`,
    recipe: 'echo "a:$(openssl rand -hex 32)"',
  },
] as const;

/** What a deployment needs for what it uses: assertions where a rule asks for them, forward-auth where it is on. */
export const ASSERTION_KEY = {
  name: "REKEY_ASSERTION_KEY",
  is: "signs what your origin is told of who was admitted; a rule of ROUTES asks for it",
  fresh: () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    return JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: new Date().toISOString().slice(0, 10) });
  },
  recipe: `node -e 'console.log(JSON.stringify(crypto.generateKeyPairSync("ed25519").privateKey.export({format:"jwk"})))'`,
} as const;

const PROXY_TOKEN = {
  name: "REKEY_PROXY_TOKEN",
  is: "lets your own proxy ask, for forward-auth",
  fresh: () => randomBytes(32).toString("base64url"),
  recipe: "openssl rand -hex 32",
} as const;

const OPTIONAL_SECRETS = [ASSERTION_KEY, PROXY_TOKEN];

/**
 * Writes .dev.vars with fresh random secrets, readable by its owner alone, if there is none. Answers what it did.
 *
 * Nothing in a file that is there is ever changed: an admin token or a pepper made anew would lock its keys out. If it
 * lacks one of those it says which. Secrets that came with a later release are added at its end.
 */
export function ensureDevVars(): string | null {
  if (!existsSync(DEV_VARS)) {
    const lines = [...REQUIRED_SECRETS, ...OPTIONAL_SECRETS].map(lineOf);
    const text = ["# Made by `npm start` for this machine alone. Never commit it, never deploy it.", ...lines, ""];
    // "wx": should another start make it in this very moment, its secrets stay.
    writeFileSync(DEV_VARS, text.join("\n"), { mode: 0o600, flag: "wx" });
    return "Made .dev.vars with fresh random secrets.";
  }
  const missing = REQUIRED_SECRETS.filter(({ name }) => !readDevVar(name));
  if (missing.length > 0) {
    const recipes = missing.map(({ name, recipe }) => `  ${name}=<the output of: ${recipe}>`);
    throw new Stop(
      [`${DEV_VARS} lacks:`, ...recipes, "Add it, or delete the file to have a fresh one made."].join("\n"),
    );
  }
  // Empty is a decision: that one is off here.
  const added = OPTIONAL_SECRETS.filter(({ name }) => readDevVar(name) === undefined);
  if (added.length === 0) return null;
  const lineBreak = readFileSync(DEV_VARS, "utf8").endsWith("\n") ? "" : "\n";
  appendFileSync(DEV_VARS, `${lineBreak}${added.map(lineOf).join("\n")}\n`);
  return `Added to .dev.vars: ${added.map(({ name }) => name).join(", ")}.`;
}

// Quoted: a key is JSON.
const lineOf = ({ name, fresh }: { readonly name: string; readonly fresh: () => string }): string => {
  const value = fresh();
  return `${name}=${value.includes('"') ? `'${value}'` : value}`;
};

/** The value of one line of .dev.vars, without quotes; undefined if there is no such line or no such file. */
export function readDevVar(name: string): string | undefined {
  if (!existsSync(DEV_VARS)) return undefined;
  const line = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*(.*?)\\s*$`, "m").exec(readFileSync(DEV_VARS, "utf8"));
  return line?.[1]?.replace(/^(["'])(.*)\1$/, "$2");
}
