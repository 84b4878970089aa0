import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { judge } from "../../src/control/faults.ts";
import { ROUTES } from "../../src/control/routes.ts";
import { CODES } from "../../src/http/codes.ts";

describe("the route table", () => {
  it("has one operation for each method and path, and one name for each operation", () => {
    const doors = ROUTES.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(doors).size).toBe(ROUTES.length);
    expect(new Set(ROUTES.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  });

  it("lets nobody in without a scope but to what everybody may see", () => {
    const open = ROUTES.filter(({ scope }) => scope === null).map(({ operationId }) => operationId);
    expect(open).toEqual(["healthz", "readyz", "getJwks", "explainProblem", "getOpenApi", "showReference"]);
  });

  it.each(ROUTES.map((route) => [route.operationId, route] as const))(
    "%s judges every parameter that its path names",
    (_name, { path, params }) => {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      expect(params === undefined).toBe(named.length === 0);
      if (params === undefined) return;
      const judged = judge(params, Object.fromEntries(named.map((name) => [name, "?"])));
      expect(judged.ok ? [] : judged.faults.map((fault) => fault.path)).toEqual(named);
    },
  );

  it.each(ROUTES.map((route) => [route.operationId, route] as const))(
    "%s can be written down as JSON Schema, closed on both sides",
    (operationId, { params, query, body, responses }) => {
      const written = [
        ...[params, query, body].map((schema) => schema && z.toJSONSchema(schema, { io: "input" })),
        ...Object.values(responses).map(({ schema }) => schema && z.toJSONSchema(schema, { io: "output" })),
      ];
      // The document's own shape is OpenAPI's, and what else is in it is not for us to list.
      const closed = operationId === "getOpenApi" ? {} : { additionalProperties: false };
      for (const schema of written.filter((each) => each !== undefined)) {
        expect(schema).toMatchObject({ type: "object", ...closed });
      }
    },
  );

  it.each(ROUTES.map((route) => [route.operationId, route] as const))(
    "%s builds its schemas when they are first needed, not at every start",
    (_name, { params, query, body, responses }) => {
      const schemas = [params, query, body, ...Object.values(responses).map(({ schema }) => schema)];
      const kinds = schemas.flatMap((schema) => schema?.def.type ?? []);
      expect(kinds).toEqual(kinds.map(() => "lazy"));
    },
  );

  it.each(Object.entries(CODES))("the code %s has a page that says what to do", (code, { explanation }) => {
    const page = ROUTES.find(({ operationId }) => operationId === "explainProblem")!;
    expect(judge(page.params!, { code }).ok).toBe(true);
    expect(explanation).toMatch(/\.$/);
  });
});
