import type { Operation } from "./operation.ts";
import { createKey } from "./operations/create-key.ts";
import { explainProblem } from "./operations/explain-problem.ts";
import { getKey } from "./operations/get-key.ts";
import { getOpenApi } from "./operations/get-openapi.ts";
import { healthz } from "./operations/healthz.ts";
import { listKeyEvents } from "./operations/list-key-events.ts";
import { listKeys } from "./operations/list-keys.ts";
import { readyz } from "./operations/readyz.ts";
import { resumeKey } from "./operations/resume-key.ts";
import { revokeKey } from "./operations/revoke-key.ts";
import { rotateKey } from "./operations/rotate-key.ts";
import { settleReservation } from "./operations/settle-reservation.ts";
import { showReference } from "./operations/show-reference.ts";
import { suspendKey } from "./operations/suspend-key.ts";
import { verifyKey } from "./operations/verify-key.ts";

/** Every operation of the control API: what is registered is what is documented. The hot path first. */
export const ROUTES: readonly Operation[] = [
  verifyKey,
  createKey,
  listKeys,
  getKey,
  rotateKey,
  revokeKey,
  suspendKey,
  resumeKey,
  listKeyEvents,
  settleReservation,
  healthz,
  readyz,
  explainProblem,
  getOpenApi,
  showReference,
];
