/**
 * What paths of the gateway ask of a key: the setting ROUTES, a list of rules. The first rule whose path and method fit
 * decides; what becomes of a path that no rule names is the setting ROUTES_DEFAULT's. Other spellings of a path that
 * frameworks take for the same meet the same rule too: `fold.ts`.
 *
 * A pattern is matched segment by segment on the canonical path, which is the very string that is forwarded. `*` stands
 * for one segment, as the last segment for any number of them, none included: `/v1/*` fits `/v1` and `/v1/a/b`.
 */
export type RouteRule = {
  readonly path: string;
  /** `null`: every method of `METHODS`. A method beyond those is forwarded only where a rule names it. */
  readonly methods: readonly string[] | null;
  /** Whether the path means this spelling alone, because the origin tells others apart. */
  readonly exact: boolean;
  /** Whether paths below the literal beginning of `path` go to the origin byte for byte: `opaque.ts`. */
  readonly paths: "canonical" | "opaque";
  /** Whether nobody gets in, with a key or without. */
  readonly deny: boolean;
  /** `true`: nobody needs a key here, and nothing is counted. */
  readonly public: boolean;
  readonly scopes: readonly string[];
  readonly anyScope: readonly string[];
  readonly charge: Charge;
  /** On what outcomes at the origin the charge is given back. */
  readonly refundOn: readonly RefundOutcome[];
  readonly cors: CorsRule | null;
  readonly websocket: boolean;
  /** Whether the origin is told by a signed assertion who was admitted. */
  readonly assertion: boolean;
  /** Whether shared caches may keep what the origin lets them keep. */
  readonly cacheable: boolean;
  /** The largest request body, in bytes; `null`: any. */
  readonly maxBodyBytes: number | null;
};

/** `reserve` holds units until the origin says in `Rekey-Cost` what the request really cost. */
export type Charge = { readonly cost: number } | { readonly reserve: number };

export type RefundOutcome = (typeof REFUND_OUTCOMES)[number];
export const REFUND_OUTCOMES = ["5xx", "timeout"] as const;

/** Which pages of other sites may call these paths from a browser (the Fetch standard's CORS protocol). */
export type CorsRule = {
  /** Exact origins, or `*` alone. */
  readonly origins: readonly string[];
  /** Headers a page may send; the credential's own are always among them. */
  readonly headers: readonly string[];
  /** Headers of the answer a page may read, beside those that the gateway sets. */
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
  /** Who answers a preflight: the gateway, or the origin, to which it is passed without a key. */
  readonly preflight: "answer" | "forward";
};

/** The rule of every path that no rule names, unless ROUTES_DEFAULT says that there is none. */
export const UNNAMED: RouteRule = {
  path: "/*",
  methods: null,
  exact: false,
  paths: "canonical",
  deny: false,
  public: false,
  scopes: [],
  anyScope: [],
  charge: { cost: 1 },
  refundOn: [],
  cors: null,
  websocket: false,
  assertion: false,
  cacheable: false,
  maxBodyBytes: null,
};

/** That rule where ROUTES_DEFAULT is `deny`. */
export const UNNAMED_DENIED: RouteRule = { ...UNNAMED, deny: true };

/** The methods that the gateway forwards wherever no rule says otherwise. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

export const isStandardMethod = (method: string): boolean => (METHODS as readonly string[]).includes(method);

/** The rules of a deployment, and what holds where none of them fits. */
export type RouteTable = {
  readonly rules: readonly RouteRule[];
  readonly unnamed: RouteRule;
  /** Whether spellings that frameworks take for one are one: the setting ROUTES_SPELLING. */
  readonly folds: boolean;
  /** Whether any rule wants paths that are opaque, and whether any tells methods apart: most deployments need neither. */
  readonly hasOpaque: boolean;
  readonly hasMethods: boolean;
};

/** A table of these rules. @param options what ROUTES_DEFAULT and ROUTES_SPELLING say. */
export const routeTable = (
  rules: readonly RouteRule[],
  { unnamed = UNNAMED, folds = true }: Partial<Pick<RouteTable, "unnamed" | "folds">> = {},
): RouteTable => ({
  rules,
  unnamed,
  folds,
  hasOpaque: rules.some(({ paths }) => paths === "opaque"),
  hasMethods: rules.some(({ methods }) => methods !== null),
});
