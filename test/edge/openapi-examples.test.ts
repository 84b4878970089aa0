import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CALLER } from "../../src/control/openapi/cast.ts";
import type { Example } from "../../src/control/openapi/example.ts";
import { STORY } from "../../src/control/openapi/story.ts";
import { answerOf, faultsIn, operationNamed, type Described } from "../support/contract.ts";
import { startNodeOrigin, type NodeOrigin } from "../support/node-origin.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";
import { standIns } from "../support/stand-in.ts";

let rekey: Rekey;
let resolver: NodeOrigin;
beforeAll(async () => {
  // Knows where a name leads the first time it is asked, when a webhook is made; then thinks for ever, and nothing is sent.
  resolver = await startNodeOrigin();
  let questions = 0;
  resolver.on("/dns-query", (_request, response) => {
    const address = { type: 1, data: "198.41.0.4" };
    if ((questions += 1) <= 2) response.end(JSON.stringify({ Status: 0, Answer: [address] }));
  });
  rekey = await startRekey({ vars: { WEBHOOK_RESOLVER: `${resolver.url}/dns-query` } });
});
afterAll(async () => {
  await rekey.stop();
  await resolver[Symbol.asyncDispose]();
});

/** Tells one example to the running Worker, as its caller would. */
async function tell({ method, path }: Described, example: Example): Promise<Response> {
  const filled = Object.entries(example.params ?? {}).reduce(
    (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)),
    path,
  );
  const url = new URL(filled, rekey.url);
  for (const [name, value] of Object.entries(example.query ?? {})) url.searchParams.set(name, String(value));
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${example.holder ?? rekey.adminToken}`,
      accept: "application/json",
      "user-agent": CALLER.userAgent,
      "cf-connecting-ip": CALLER.ip,
      ...example.headers,
      ...(example.body !== undefined && { "content-type": "application/json" }),
    },
    ...(example.body !== undefined && { body: JSON.stringify(example.body) }),
  });
}

describe("the examples of the document, told to a running deployment", () => {
  const { retold, real } = standIns();

  it.each(STORY.map((example) => [`${example.operationId}: ${example.summary}`, example] as const))(
    "%s",
    async (_title, example) => {
      const place = operationNamed(example.operationId);
      const response = await tell(place, real(example));
      const text = await response.text();
      expect(response.status, text).toBe(example.status);
      const answer: unknown = text === "" ? undefined : JSON.parse(text);
      expect(retold(answer, example.answer)).toEqual(example.answer);

      const { content, headers } = answerOf(place, response.status)!;
      const schema = content?.["application/json"]?.schema;
      expect(schema === undefined ? answer : faultsIn(answer, schema)).toEqual(schema === undefined ? undefined : []);
      // Of the headers that the document knows, none comes unannounced.
      const known = ["etag", "location", "rekey-decision", "rekey-request-id"];
      const announced = Object.keys(headers).map((name) => name.toLowerCase());
      expect(known.filter((name) => response.headers.has(name) && !announced.includes(name))).toEqual([]);
    },
  );
});
