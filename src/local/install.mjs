// Brings node_modules in line with the lock file before a command runs. Plain JavaScript with nothing but what Node
// ships, because it is the one file that runs where nothing is installed yet, under the Node that the machine has.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 20;
const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * True if every package of the lock file is there in its version. npm notes what it installed in a lock file of its own
 * inside node_modules, as the last thing it does: an interrupted install leaves none.
 * Optional packages may be missing: they are for other machines.
 */
function isInstalled() {
  const noted = join(root, "node_modules/.package-lock.json");
  if (!existsSync(noted) || !existsSync(join(root, "node_modules/.bin/node"))) return false;
  const installed = JSON.parse(readFileSync(noted, "utf8")).packages;
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(locked).every(
    ([path, { version, optional }]) =>
      path === "" || installed[path]?.version === version || (optional && installed[path] === undefined),
  );
}

function install() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE)
    fail(`Node ${OLDEST_NODE} or later is needed, this is ${process.version}.`);

  console.log("Installing packages (npm ci); this takes a moment the first time ...");
  // npm says where it is, so that the very npm that runs this script is used. By hand, there is only its name.
  const npm = process.env["npm_execpath"];
  const [command, args] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  // Packages ask for a newer Node than the machine's; the one they will run in is itself among them.
  const quiet = ["ci", "--loglevel=error"];
  const { status, error } = spawnSync(command, [...args, ...quiet], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (status !== 0)
    fail("Packages could not be installed; npm says above why. Check the network and run the command again.");
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}

if (!isInstalled()) install();
