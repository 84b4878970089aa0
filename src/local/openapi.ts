import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";

const HELP = `
npm run openapi

Writes docs/openapi.json, the contract of the control API, from the table that its operations are
served from. The Worker serves that file and the page made of it. A test fails while the file and
the table differ.
`;

// Not literals: the Worker's sources belong to another program than these commands, with other globals.
const source = (file: string) => new URL(`../control/${file}`, import.meta.url).href;
type Routes = { readonly ROUTES: readonly unknown[] };
type Writer = { readonly openApiDocument: (routes: readonly unknown[], version: string) => object };

const root = join(import.meta.dirname, "../..");

await command(HELP, [], async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const { ROUTES } = (await import(source("routes.ts"))) as Routes;
  const { openApiDocument } = (await import(source("openapi/document.ts"))) as Writer;
  const document = openApiDocument(ROUTES, version);
  writeFileSync(join(root, "docs/openapi.json"), `${JSON.stringify(document, null, 2)}\n`);
  console.log(`docs/openapi.json: ${ROUTES.length} operations.`);
});
