import type { Mutant } from "../mutant.ts";

const C5 = { campaign: "C5", size: 20_000 } as const;

/** Bugs in the pure core of a key and in its book. */
export const IN_THE_CORE: readonly Mutant[] = [
  {
    bug: "51 of 50: a quota admits one more than its limit",
    breaks: "P4",
    file: "src/key/quota.ts",
    edits: [{ from: "if (missing <= 0) return", to: "if (missing <= 1) return" }],
    catcher: { campaign: "C2", size: 3 },
  },
  {
    bug: "a sliding token: each use moves the end of the key",
    breaks: "P7",
    file: "src/key/admit.ts",
    edits: [
      {
        from: "const { use, receipts } = key; return { ...key,",
        to: `const { use, receipts } = key; return { ...key, standing: key.standing.expiresAt === null ? key.standing
          : { ...key.standing, expiresAt: (now + 86_400_000) as EpochMs },`,
      },
    ],
    catcher: C5,
  },
  {
    bug: "revoke, then activate: resuming a revoked key revives it",
    breaks: "P3",
    file: "src/key/standing.ts",
    edits: [
      {
        from: `if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
          if (key.standing.suspendedAt === null)`,
        to: "if (key.standing.suspendedAt === null && key.standing.revokedAt === null)",
      },
      { from: "change(key, { suspendedAt: null,", to: "change(key, { revokedAt: null, suspendedAt: null," },
    ],
    catcher: C5,
  },
  {
    bug: "revoking again is another revocation",
    breaks: "P3",
    file: "src/key/standing.ts",
    edits: [{ from: "if (key.standing.revokedAt !== null) return unchanged(key, { done: true });", to: "" }],
    catcher: C5,
  },
  {
    bug: "a rotation does not look at the version that its caller names",
    breaks: "P3",
    file: "src/key/rotate.ts",
    edits: [
      {
        from: `if (command.expectedVersion !== null && command.expectedVersion !== standing.version) {
          return refuse("version-conflict"); }`,
        to: "",
      },
    ],
    catcher: C5,
  },
  {
    bug: "a rotation refills the quota",
    breaks: "P4",
    file: "src/key/install.ts",
    edits: [{ from: "use: { ...changed.key.use,", to: "use: { ...changed.key.use, quota: null," }],
    catcher: C5,
  },
  {
    bug: "a secret in its grace may take the key after its successor was used",
    breaks: "P2",
    file: "src/key/rotate.ts",
    edits: [
      {
        from: 'if (holder.identity.version < key.use.newestAdmitted) return refuse({ reason: "key-rotated" });',
        to: "",
      },
    ],
    catcher: C5,
  },
  {
    bug: "a header that was carried out is carried out again for the newest secret",
    breaks: "P11",
    file: "src/key/rotate.ts",
    edits: [{ from: 'if (!("refusal" in holder)) return true;', to: "" }],
    catcher: C5,
  },
  {
    bug: "an answer can be repeated after its secret was used",
    breaks: "P9",
    file: "src/key/admit.ts",
    edits: [{ from: "receipts: current ? withoutRepeat(receipts) : receipts", to: "receipts" }],
    catcher: C5,
  },
  {
    bug: "the same header with another body is taken for a repeat",
    breaks: "P11",
    file: "src/key/receipt.ts",
    edits: [
      {
        from: 'if (receipt.request !== idempotency.request) return { found: true, receipt, because: "idempotency-mismatch" };',
        to: "",
      },
    ],
    catcher: C5,
  },
  {
    bug: "a grace outlives a suspension and a revocation",
    breaks: "P1",
    file: "src/key/change.ts",
    edits: [
      {
        from: "standing: { ...key.standing, retired: endGraces(key.standing.retired, now) }",
        to: "standing: key.standing",
      },
    ],
    catcher: C5,
  },
  {
    bug: "the quota is charged before the rate limit has had its say",
    breaks: "P6",
    file: "src/key/admit.ts",
    edits: [
      {
        from: "if (!pace.ok) return refuse(pace.refusal, allowanceOf(key, now));",
        to: `if (!pace.ok) {
          const charged = takeQuota(key, request.cost, now);
          const refused = refuse(pace.refusal, allowanceOf(key, now));
          return charged.ok ? { ...refused, key: { ...key, use: { ...key.use, quota: charged.next } } } : refused;
        }`,
      },
    ],
    catcher: C5,
  },
  {
    bug: "a clock that steps back reopens what was over",
    breaks: "P5",
    file: "src/key/time.ts",
    edits: [{ from: "if (read > this.#newest) this.#newest = read;", to: "this.#newest = read;" }],
    catcher: C5,
  },
  {
    bug: "retired secrets are known only until the object sleeps",
    breaks: "P2",
    file: "src/key-object/book.ts",
    edits: [{ from: "this.#writeRetired(retired, was?.key?.standing.retired ?? []);", to: "" }],
    catcher: C5,
  },
  {
    bug: "an amendment forgets what was used",
    breaks: "P4",
    file: "src/key/carry-over.ts",
    edits: [
      {
        from: "if (was === null || !isSameQuota(was, is)) return freshQuota(is, now);",
        to: "if (is !== was) return freshQuota(is, now);",
      },
    ],
    catcher: C5,
  },
  {
    bug: "an answer that may be repeated is sealed by its header alone",
    breaks: "P9",
    file: "src/key/seal.ts",
    edits: [{ from: 'createHmac("sha256", secret)', to: 'createHmac("sha256", "")' }],
    catcher: { project: "unit", test: "test/unit/seal.test.ts" },
  },
  {
    bug: "a header that can be guessed opens an answer again",
    breaks: "P9",
    file: "src/control/read-headers.ts",
    edits: [{ from: "if (isHardToGuess(value))", to: "if (value.length >= 16)" }],
    catcher: { project: "unit", test: "test/unit/hard-to-guess.test.ts" },
  },
];
