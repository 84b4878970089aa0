import type { ExampleObject, OperationObject, ParameterObject } from "../openapi/types.ts";
import type { Placed } from "./placed.ts";

/** An example as a command for a shell, in which `REKEY_URL`, `REKEY_ADMIN_TOKEN` and `KEY` are set. */
export function curl({ method, path, operation }: Placed, name: string | null): string {
  const { parameters = [] } = operation;
  const given = (place: ParameterObject["in"]) =>
    parameters
      .filter((parameter) => parameter.in === place)
      .map((parameter) => [parameter.name, valueOf(parameter.examples, name)] as const)
      .filter(([, value]) => value !== undefined);

  const filled = given("path").reduce((text, [part, value]) => text.replace(`{${part}}`, String(value)), path);
  const query = new URLSearchParams(given("query").map(([part, value]) => [part, String(value)])).toString();
  const body = valueOf(operation.requestBody?.content["application/json"]?.examples, name);
  const headers = [
    ...credentialOf(operation),
    ...given("header").map(([part, value]) => `${part}: ${String(value).replaceAll('"', '\\"')}`),
    ...(body === undefined ? [] : ["Content-Type: application/json"]),
  ];
  const verb = method === "GET" || (method === "POST" && body !== undefined) ? "" : ` -X ${method}`;
  return [
    `curl${verb} "$REKEY_URL${filled}${query && `?${query}`}"`,
    ...headers.map((header) => `-H "${header}"`),
    ...(body === undefined ? [] : [`-d '${JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)}'`]),
  ].join(" \\\n  ");
}

function credentialOf({ security }: OperationObject): readonly string[] {
  const [way] = security;
  if (way === undefined) return [];
  return [`Authorization: Bearer ${"control" in way ? "$REKEY_ADMIN_TOKEN" : "$KEY"}`];
}

/** The value of an example, by name. */
function valueOf(examples: Readonly<Record<string, object>> | undefined, name: string | null): unknown {
  return name === null ? undefined : (examples?.[name] as ExampleObject | undefined)?.value;
}
