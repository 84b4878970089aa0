/**
 * What Rekey finds suspicious about the use of a key, and what is done about it. A key's own rules replace the usual
 * ones, detector by detector.
 */

export const ALERTS = [
  /** A secret that was replaced is presented after its end. */
  "retired-secret-used",
  /** The secret of a revoked key is presented. */
  "revoked-secret-used",
  /** A secret that carries this deployment's tag and is none that the key's object knows. */
  "unknown-secret",
  /** Many rotations in a short time, by whomever. */
  "rapid-rotation",
  /** Refusals from one address, and then an admission from it. */
  "failures-then-success",
  /** Many refusals of one key in a short time, from wherever. */
  "refusal-burst",
  /** A counter above what its limit lets through. Impossible, unless Rekey or its storage is broken. */
  "counter-above-limit",
] as const;
export type Alert = (typeof ALERTS)[number];

/** `suspend`: the step that sees it also suspends the key, and says so in the alert. */
export const ALERT_ACTIONS = ["alert", "suspend"] as const;
export type AlertAction = (typeof ALERT_ACTIONS)[number];

/** `threshold` sightings within `withinSeconds` are an alert, and then there is none like it for `quietSeconds`. */
export type SuspicionRule = {
  readonly threshold: number;
  readonly withinSeconds: number;
  readonly quietSeconds: number;
  readonly action: AlertAction;
  /** True: the detector does not look. */
  readonly off: boolean;
};

/** A key's own rules; a detector that is not named follows the usual one. */
export type Suspicion = { readonly [Name in Alert]?: SuspicionRule | undefined };

const usual = (threshold: number, withinSeconds: number): SuspicionRule => ({
  threshold,
  withinSeconds,
  quietSeconds: 600,
  action: "alert",
  off: false,
});

export const USUAL_SUSPICION: { readonly [Name in Alert]: SuspicionRule } = {
  "retired-secret-used": usual(1, 600),
  "revoked-secret-used": usual(1, 600),
  "unknown-secret": usual(1, 600),
  "rapid-rotation": usual(5, 600),
  "failures-then-success": usual(10, 600),
  "refusal-burst": usual(100, 60),
  "counter-above-limit": usual(1, 600),
};

/** The rule that a detector follows for a key. */
export const ruleOf = ({ suspicion }: { readonly suspicion: Suspicion | null }, alert: Alert): SuspicionRule =>
  suspicion?.[alert] ?? USUAL_SUSPICION[alert];
