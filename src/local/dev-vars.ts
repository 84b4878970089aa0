import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

/**
 * Writes .dev.vars with fresh random secrets, readable by its owner alone, if there is none. True if it did.
 * A file that is there is never touched, even if it lacks something: it then says which.
 */
export function ensureDevVars(): boolean {
  if (!existsSync(DEV_VARS)) {
    const lines = REQUIRED_SECRETS.map(({ name, fresh }) => `${name}=${fresh()}`);
    const text = ["# Made by `npm start` for this machine alone. Never commit it, never deploy it.", ...lines, ""];
    // "wx": should another start make it in this very moment, its secrets stay.
    writeFileSync(DEV_VARS, text.join("\n"), { mode: 0o600, flag: "wx" });
    return true;
  }
  const missing = REQUIRED_SECRETS.filter(({ name }) => !readDevVar(name));
  if (missing.length > 0) {
    const recipes = missing.map(({ name, recipe }) => `  ${name}=<the output of: ${recipe}>`);
    throw new Stop(
      [`${DEV_VARS} lacks:`, ...recipes, "Add it, or delete the file to have a fresh one made."].join("\n"),
    );
  }
  return false;
}

/** The value of one line of .dev.vars, without quotes; undefined if there is no such line or no such file. */
export function readDevVar(name: string): string | undefined {
  if (!existsSync(DEV_VARS)) return undefined;
  const line = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*(.*?)\\s*$`, "m").exec(readFileSync(DEV_VARS, "utf8"));
  return line?.[1]?.replace(/^(["'])(.*)\1$/, "$2");
}
