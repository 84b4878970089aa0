import type { Mutant } from "../mutant.ts";

const ADMISSION = "const asked = await enter(holder, admission, ending);";

/** Bugs in the Worker: the gateway and the control API. */
export const IN_THE_WORKER: readonly Mutant[] = [
  {
    bug: "an admin token in a header travels on to the origin",
    breaks: "P9",
    file: "src/edge/request-headers.ts",
    edits: [{ from: "if (holdsOwnToken(value, config)) return true;", to: "" }],
    catcher: { project: "unit", test: "test/unit/edge-headers.test.ts" },
  },
  {
    bug: "another spelling of an identity header that is let through arrives as well",
    breaks: "rules",
    file: "src/edge/request-headers.ts",
    edits: [{ from: "!passed.has(lowered);", to: "!passed.has(canonical);" }],
    catcher: { project: "unit", test: "test/unit/edge-headers.test.ts" },
  },
  {
    bug: "an isolate remembers a suspension as if it were for good",
    breaks: "P1",
    file: "src/http/dead-secrets.ts",
    edits: [
      {
        from: 'new Set<Reason>(["key-rotated", "key-revoked"])',
        to: 'new Set<Reason>(["key-rotated", "key-revoked", "key-suspended"])',
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/dead-secrets.test.ts" },
  },
  {
    bug: "what a Worker refuses by itself is told to nobody",
    breaks: "P13",
    file: "src/http/dead-secrets.ts",
    edits: [{ from: "if (!dryRun) dead.refused += 1;", to: "" }],
    catcher: { project: "runtime", test: "test/runtime/dead-secrets.test.ts" },
  },
  {
    bug: "a dead secret is never asked about again",
    breaks: "P1",
    file: "src/http/dead-secrets.ts",
    edits: [{ from: "if (now - dead.askedAt >= ASKED_AGAIN_MS) return null;", to: "" }],
    catcher: { project: "unit", test: "test/unit/dead-secrets.test.ts" },
  },
  {
    bug: "a spelling in capitals meets the weaker rule behind its own",
    breaks: "rules",
    file: "src/routing/fold.ts",
    edits: [
      { from: "decoded(segment).toUpperCase().toLowerCase()", to: "decoded(segment)" },
      { from: "[a-z0-9\\-._~!$&'()*+,=:@]+\\/)*", to: "[A-Za-z0-9\\-._~!$&'()*+,=:@]+\\/)*" },
    ],
    catcher: { project: "unit", test: "test/unit/route-folding.test.ts" },
  },
  {
    bug: "an extension leads around the rule of a path",
    breaks: "rules",
    file: "src/routing/fold.ts",
    edits: [{ from: "return dot === -1 ? segments", to: "return dot !== 0 ? segments" }],
    catcher: { project: "unit", test: "test/unit/route-folding.test.ts" },
  },
  {
    bug: "of two rules the weaker scopes hold",
    breaks: "rules",
    file: "src/routing/stricter.ts",
    edits: [
      {
        from: "scopes: [...new Set([...one.scopes, ...other.scopes, ...anyScope.all])],",
        to: "scopes: [...new Set([...one.scopes, ...anyScope.all])],",
      },
    ],
    catcher: { project: "unit", test: "test/unit/route-folding.test.ts" },
  },
  {
    bug: "an opaque path is decoded only once before it is judged",
    breaks: "rules",
    file: "src/routing/opaque.ts",
    edits: [
      {
        from: "for (const reading of readings) { for (const read",
        to: "for (const reading of [raw]) { for (const read",
      },
    ],
    catcher: { project: "unit", test: "test/unit/route-folding.test.ts" },
  },
  {
    bug: "a method that a header names is not judged",
    breaks: "rules",
    file: "src/edge/route.ts",
    edits: [{ from: "if (meant === null || meant === method) return rule;", to: "if (meant !== '') return rule;" }],
    catcher: { project: "outside", test: "test/edge/forward-auth.test.ts" },
  },
  {
    bug: "forward-auth judges what the dots of a path resolve to, and the proxy forwards the path",
    breaks: "forward-auth",
    file: "src/edge/forward-auth/forward-auth.ts",
    edits: [
      { from: "? canonicalTargetOf(`https://forward-auth${uri}`)", to: "? targetOf(`https://forward-auth${uri}`)" },
      { from: "import { canonicalTargetOf,", to: "import { canonicalTargetOf, targetOf," },
    ],
    catcher: { project: "outside", test: "test/edge/proxied-paths.test.ts" },
  },
  {
    bug: "a call with the proxy token is served with whatever page it leads to",
    breaks: "forward-auth",
    file: "src/index.ts",
    edits: [
      {
        from: "return isQuestion(raw.url, raw.headers, config)",
        to: "return isQuestion(raw.url, raw.headers, config) && target.path.startsWith(FORWARD_AUTH_PATH)",
      },
    ],
    catcher: { project: "outside", test: "test/edge/forward-auth.test.ts" },
  },
  {
    bug: "a verdict is remembered for a second",
    breaks: "P1",
    file: "src/edge/keyed.ts",
    edits: [
      {
        from: ADMISSION,
        to: `const memory = ((globalThis as any).verdicts ??= new Map());
          const kept = memory.get(credential.text);
          const asked = kept !== undefined && kept.until > Date.now() ? kept.asked : await enter(holder, admission, ending);
          if (asked.answered && asked.answer.verdict.admitted) memory.set(credential.text, { until: Date.now() + 1000, asked });`,
      },
    ],
    catcher: { campaign: "C1", size: 1_000 },
  },
  {
    bug: "the credential travels on to the origin",
    breaks: "P9",
    file: "src/edge/request-headers.ts",
    edits: [
      {
        from: "if (presented !== null && value.includes(presented.text)) return true;",
        to: "if (presented !== null) return false;",
      },
    ],
    catcher: { campaign: "C1", size: 200 },
  },
  {
    bug: "a forged credential reaches a key's object",
    breaks: "P10",
    file: "src/edge/admission.ts",
    edits: [
      {
        from: 'if (!isTagged(credential, config.peppers)) return refuse(problem("invalid-key", { requestId }));',
        to: "",
      },
    ],
    catcher: { project: "proof", test: "test/proof/short/junk.test.ts" },
  },
  {
    bug: "a creation that is asked for again creates another key",
    breaks: "P11",
    file: "src/control/operations/create-key.ts",
    edits: [{ from: "idempotency === null ? newKeyId", to: "idempotency !== undefined ? newKeyId" }],
    catcher: { campaign: "C7", size: 60 },
  },
  {
    bug: "what the origin says to shared caches beside Cache-Control passes",
    breaks: "P1",
    file: "src/edge/response-headers.ts",
    edits: [
      { from: "(!cacheable && isForSharedCaches(name))", to: "(cacheable && !isForSharedCaches(name) && false)" },
    ],
    catcher: { campaign: "C15", size: 100 },
  },
  {
    bug: "an answer does not say that it depends on the key",
    breaks: "P1",
    file: "src/edge/response-headers.ts",
    edits: [
      {
        from: 'headers.append("vary", DECIDING_HEADERS)',
        to: 'headers.append("vary", "Accept-Encoding" || DECIDING_HEADERS)',
      },
    ],
    catcher: { campaign: "C15", size: 100 },
  },
  {
    bug: "a tag of which only the end is right passes",
    breaks: "P10",
    file: "src/key/credential.ts",
    edits: [
      {
        from: "return sameText(text.slice(tagAt, checksumAt), expected);",
        to: "return sameText(text.slice(checksumAt - 6, checksumAt), expected.slice(-6));",
      },
    ],
    catcher: { campaign: "C8", size: 5_000 },
  },
  {
    bug: "what an outage was to give back is kept",
    breaks: "P4",
    file: "src/edge/outcome.ts",
    edits: [{ from: "const refunded = failed !== null &&", to: 'const refunded = failed === "timeout" &&' }],
    catcher: { campaign: "C10", size: 100 },
  },
  {
    bug: "whoever shares an address with a flood of junk is refused along with it",
    breaks: "P6",
    file: "src/http/shield.ts",
    edits: [
      {
        from: "if (!isFailedAuthentication(answer) || (await isBelowLimit(shield, address))) return answer;",
        to: "if (await isBelowLimit(shield, address)) return answer;",
      },
    ],
    catcher: { campaign: "C13", size: 100 },
  },
  {
    bug: "a comparison stops where the guess is wrong",
    breaks: "P10",
    file: "src/key/same-text.ts",
    edits: [
      {
        from: "difference |= a.charCodeAt(at) ^ b.charCodeAt(at);",
        to: "if (a.charCodeAt(at) !== b.charCodeAt(at)) return false;",
      },
    ],
    catcher: { campaign: "C9", size: 3_000 },
  },
  {
    bug: "a change of a control key is not counted",
    breaks: "P12",
    file: "src/control/serve.ts",
    edits: [{ from: "authorize(scope, call, isChange(operation))", to: "authorize(scope, call, false)" }],
    catcher: { project: "runtime", test: "test/runtime/control-operators.test.ts" },
  },
  {
    bug: "an operator with a name acts as admin",
    breaks: "P12",
    file: "src/control/authority.ts",
    edits: [{ from: "return operator === undefined ? ADMIN : {", to: "return operator !== null ? ADMIN : {" }],
    catcher: { project: "runtime", test: "test/runtime/control-operators.test.ts" },
  },
  {
    bug: "a wrong token at readyz is not counted",
    breaks: "P12",
    file: "src/control/authority.ts",
    edits: [{ from: 'return adminBy(token, config) ?? "failed";', to: "return adminBy(token, config);" }],
    catcher: { project: "runtime", test: "test/runtime/control-operators.test.ts" },
  },
  {
    bug: "a proxy's token may be an admin's",
    breaks: "P12",
    file: "src/env.ts",
    edits: [{ from: "if (first === at) return [];", to: "return [];" }],
    catcher: { project: "unit", test: "test/unit/env.test.ts" },
  },
  {
    bug: "what a control key reads is not noted",
    breaks: "P12",
    file: "src/control/note-read.ts",
    edits: [{ from: "if (authority === null || !isRead", to: 'if (authority?.kind !== "admin" || !isRead' }],
    catcher: { project: "runtime", test: "test/runtime/reads.test.ts" },
  },
];
