import type { Mutant } from "../mutant.ts";

const RULES = { project: "unit", test: "test/unit/authority.test.ts" } as const;
const ROUTES = { project: "runtime", test: "test/runtime/control-authority.test.ts" } as const;

const BOUNDARY = { project: "runtime", test: "test/runtime/control-boundary.test.ts" } as const;

/** Bugs in who may do what to which key. */
export const IN_THE_AUTHORITY: readonly Mutant[] = [
  {
    bug: "a control key amends, credits, rotates and resumes itself",
    breaks: "P14",
    file: "src/key/authority.ts",
    edits: [
      {
        from: 'if (deed === "change" && (isSame(authority, target.id) || isEqualled(authority, target))) return "forbidden";',
        to: "",
      },
    ],
    catcher: RULES,
  },
  {
    bug: "a control key credits itself, because a credit counts as a stop",
    breaks: "P14",
    file: "src/key-object/key-object.ts",
    edits: [
      {
        from: 'this.#change("change", command, (key, circumstance) => credit(',
        to: 'this.#change("stop", command, (key, circumstance) => credit(',
      },
    ],
    catcher: ROUTES,
  },
  {
    bug: "a control key settles its own reservations, for nothing",
    breaks: "P14",
    file: "src/key-object/key-object.ts",
    edits: [
      { from: "if (authority !== undefined && isSame(authority, key.profile.id))", to: "if (authority === undefined)" },
    ],
    catcher: ROUTES,
  },
  {
    bug: "a secret in its grace ends the whole key",
    breaks: "P14",
    file: "src/key/self.ts",
    edits: [
      {
        from: 'if (!holder.current) return unchanged(key, { done: false, refusal: { reason: "key-rotated" } });',
        to: "",
      },
    ],
    catcher: { project: "unit", test: "test/unit/self.test.ts" },
  },
  {
    bug: "a control key lifts what an operator suspended",
    breaks: "P14",
    file: "src/key/authority.ts",
    edits: [{ from: 'authority.kind === "admin" || stopper === "control-key" ||', to: "authority !== null ||" }],
    catcher: RULES,
  },
  {
    bug: "an operator's suspension of what a control key has suspended is not remembered",
    breaks: "P14",
    file: "src/key/standing.ts",
    edits: [{ from: 'if (on !== "operator" || suspendedBy === on)', to: "if (suspendedBy !== null)" }],
    catcher: ROUTES,
  },
  {
    bug: "an operator's suspension of an owner that a control key has suspended is not remembered",
    breaks: "P14",
    file: "src/owner-object/owner-object.ts",
    edits: [
      {
        from: "if (order.standing !== standing || isTakenOver)",
        to: "if (order.standing !== standing && !isTakenOver)",
      },
    ],
    catcher: ROUTES,
  },
  {
    bug: "an end that an operator set is forgotten once a control key has brought it forward",
    breaks: "P14",
    file: "src/key/amend.ts",
    edits: [
      { from: 'on !== "operator" ? standing.operatorsEnd : expiresAt', to: 'on !== "operator" ? null : expiresAt' },
    ],
    catcher: ROUTES,
  },
  {
    bug: "a key that was restored from before it was stopped is resumed by a control key",
    breaks: "P14",
    file: "src/key/recover.ts",
    edits: [{ from: 'suspendedBy: "operator" as const', to: 'suspendedBy: "policy" as const' }],
    catcher: { project: "runtime", test: "test/runtime/recover.test.ts" },
  },
  {
    bug: "a control key has itself changed by a key that it made",
    breaks: "P14",
    file: "src/key/authority.ts",
    edits: [
      { from: "isSame(authority, target.id) || isEqualled(authority, target)", to: "isSame(authority, target.id)" },
    ],
    catcher: RULES,
  },
  {
    bug: "a control key gives a key what lies beyond its boundary, as long as it had it before",
    breaks: "P14",
    file: "src/key-object/key-object.ts",
    edits: [{ from: "const { profile, standing } = step.key;", to: "const { profile, standing } = key;" }],
    catcher: BOUNDARY,
  },
  {
    bug: "a control key rotates a key that reaches beyond its boundary",
    breaks: "P14",
    file: "src/key-object/key-object.ts",
    edits: [
      {
        from: "rotate(key, command, this.#mintFor(key), circumstance),\n      { bounded: true },",
        to: "rotate(key, command, this.#mintFor(key), circumstance),",
      },
    ],
    catcher: BOUNDARY,
  },
  {
    bug: "a control key with a boundary makes one without",
    breaks: "P14",
    file: "src/key/boundary.ts",
    edits: [
      { from: "const needed = profile.scopes.some(isControlScope);", to: "const needed = false && isControlScope;" },
    ],
    catcher: BOUNDARY,
  },
  {
    bug: "a control key with a boundary makes one with a wider one",
    breaks: "P14",
    file: "src/key/boundary.ts",
    edits: [{ from: "areCovered(outer.grantable, inner.grantable) &&", to: "" }],
    catcher: BOUNDARY,
  },
  {
    bug: "a control key prolongs a key step by step past its longest life",
    breaks: "P14",
    file: "src/key/boundary.ts",
    edits: [
      {
        from: "expiresAt <= after(profile.createdAt, lifetimeSeconds * 1000)",
        to: "profile.createdAt > 0 && after !== null",
      },
    ],
    catcher: BOUNDARY,
  },
  {
    bug: "a control key creates beyond its boundary",
    breaks: "P14",
    file: "src/control/operations/create-key.ts",
    edits: [{ from: "if (outside !== null) return", to: "if (outside === undefined) return" }],
    catcher: BOUNDARY,
  },
];
