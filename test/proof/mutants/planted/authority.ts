import type { Mutant } from "../mutant.ts";

const RULES = { project: "unit", test: "test/unit/authority.test.ts" } as const;
const ROUTES = { project: "runtime", test: "test/runtime/control-authority.test.ts" } as const;

/** Bugs in who may do what to which key. */
export const IN_THE_AUTHORITY: readonly Mutant[] = [
  {
    bug: "a control key amends, credits, rotates and resumes itself",
    breaks: "P14",
    file: "src/key/authority.ts",
    edits: [{ from: 'if (deed === "change" && isSame(authority, target.id)) return "forbidden";', to: "" }],
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
];
