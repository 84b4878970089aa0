import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

type Versions = Readonly<Record<string, string>>;
const manifest = JSON.parse(read("package.json")) as {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};

/** A package as the lock file (version 3) has it. */
type Locked = {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Versions;
};
const lock = JSON.parse(read("package-lock.json")) as {
  readonly packages: { readonly "": Omit<typeof manifest, "allowScripts"> } & Readonly<Record<string, Locked>>;
};
const { "": project, ...inFolders } = lock.packages;
/** Every package that an install may bring, by its name; twice where there are two versions. */
const locked = Object.entries<Locked>(inFolders).map(([folder, each]) => ({
  name: folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length),
  ...each,
}));
const shipped = locked.filter(({ dev }) => dev !== true);
const direct: Versions = { ...manifest.dependencies, ...manifest.devDependencies };

describe("what is installed", () => {
  it("is named by exact versions, and is what the lock file says", () => {
    expect(Object.values(direct).filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
    expect(project.dependencies).toEqual(manifest.dependencies);
    expect(project.devDependencies).toEqual(manifest.devDependencies);
    expect(read(".npmrc")).toContain("save-exact=true");
    for (const [name, version] of Object.entries(direct)) {
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  it("comes from whatever registry npm is told of, and from nowhere else, and is compared with a SHA-512; but for binaries of other platforms", () => {
    expect(locked.flatMap(({ resolved }) => resolved ?? [])).toEqual([]);
    const unchecked = locked.filter(({ integrity }) => integrity?.startsWith("sha512-") !== true);
    expect(unchecked.filter(({ optional, os }) => optional !== true || os === undefined)).toEqual([]);
    // They are known by name: another one is looked at before it is let in.
    const families = /^(@cloudflare\/workerd|@oxlint\/binding|@oxlint-tsgolint\/)/;
    expect(unchecked.filter(({ name }) => !families.test(name)).map(({ name }) => name)).toEqual([]);
  });

  it("runs a script of its own at the install only where that is allowed by name", () => {
    const withScript = new Set(
      locked.filter((each) => each.hasInstallScript === true && each.os === undefined).map(({ name }) => name),
    );
    expect([...withScript].toSorted()).toEqual(Object.keys(manifest.allowScripts).toSorted());
  });
});

describe("what is deployed", () => {
  it("is three packages, which bring no others", () => {
    expect(shipped.map(({ name }) => name)).toEqual(["hono", "jose", "zod"]);
    expect(shipped.filter(({ dependencies }) => dependencies !== undefined)).toEqual([]);
  });

  it("imports no other", () => {
    const files = globSync("src/**/*.ts", { cwd: root }).filter((file) => !file.startsWith("src/local/"));
    const imported = files.flatMap((file) => [...read(file).matchAll(/^(?:import|export) .*from "([^".][^"]*)";$/gm)]);
    const names = imported.map(([, name]) => name!).filter((name) => !/^(node|cloudflare):/.test(name));
    const packages = new Set(names.map((name) => name.split("/", 1)[0]!));
    expect([...packages].toSorted()).toEqual(["hono", "jose", "zod"]);
  });

  it("is what `npm run sbom` lists", { timeout: 60_000 }, () => {
    const told = execFileSync("npm", ["run", "--silent", "sbom"], { cwd: root, encoding: "utf8", stdio: "pipe" });
    const sbom = JSON.parse(told) as {
      bomFormat: string;
      components: { name: string; version: string; purl: string }[];
    };
    expect(sbom.bomFormat).toBe("CycloneDX");
    expect(sbom.components.map(({ purl }) => purl).toSorted()).toEqual(
      shipped.map(({ name, version }) => `pkg:npm/${name}@${version}`),
    );
  });
});

/** Licences under which others may use, change and pass on what they got without giving their own away. */
const PERMISSIVE = ["MIT", "MIT OR Apache-2.0", "Apache-2.0", "ISC", "0BSD", "BSD-3-Clause", "CC0-1.0"];
/** Licences that bind who passes on the package itself. These are never passed on: they only run here. */
const ONLY_RUN: Readonly<Record<string, RegExp>> = {
  "MPL-2.0": /^lightningcss/,
  "LGPL-3.0-or-later": /^@img\/sharp-libvips-/,
  "Apache-2.0 AND LGPL-3.0-or-later": /^@img\/sharp-win32-/,
  "Apache-2.0 AND LGPL-3.0-or-later AND MIT": /^@img\/sharp-wasm32$/,
};

describe("licences", () => {
  it("of what is deployed are MIT, like Rekey's own", () => {
    expect(shipped.map(({ license }) => license)).toEqual(["MIT", "MIT", "MIT"]);
  });

  it("of everything else are permissive, or are of a tool that is only run", () => {
    const others = locked.filter(({ license = "" }) => !PERMISSIVE.includes(license));
    expect(
      others.filter(({ name, license = "", dev }) => dev !== true || ONLY_RUN[license]?.test(name) !== true),
    ).toEqual([]);
  });
});

describe("docs/dependencies.md", () => {
  it("has a row for every direct dependency: version, licence, and why it is here", () => {
    const rows = [...read("docs/dependencies.md").matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| (\S.{20,}) \|$/gm)];
    expect(rows.map(([, name, version, license]) => [name, version, license])).toEqual(
      Object.entries(direct).map(([name, version]) => [name, version, lock.packages[`node_modules/${name}`]?.license]),
    );
  });
});
