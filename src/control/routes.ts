import type { Operation } from "./operation.ts";
import { acknowledgeAlert } from "./operations/acknowledge-alert.ts";
import { amendKey } from "./operations/amend-key.ts";
import { amendWebhook } from "./operations/amend-webhook.ts";
import { createKey } from "./operations/create-key.ts";
import { createWebhook } from "./operations/create-webhook.ts";
import { creditKey } from "./operations/credit-key.ts";
import { deleteWebhook } from "./operations/delete-webhook.ts";
import { explainProblem } from "./operations/explain-problem.ts";
import { getJwks } from "./operations/get-jwks.ts";
import { getKeyUsage } from "./operations/get-key-usage.ts";
import { getKey } from "./operations/get-key.ts";
import { getOpenApi } from "./operations/get-openapi.ts";
import { getUsage } from "./operations/get-usage.ts";
import { getWebhook } from "./operations/get-webhook.ts";
import { healthz } from "./operations/healthz.ts";
import { listAlerts } from "./operations/list-alerts.ts";
import { listEvents } from "./operations/list-events.ts";
import { listKeyClients } from "./operations/list-key-clients.ts";
import { listKeyEvents } from "./operations/list-key-events.ts";
import { listKeys } from "./operations/list-keys.ts";
import { listOwners } from "./operations/list-owners.ts";
import { listWebhookDeliveries } from "./operations/list-webhook-deliveries.ts";
import { listWebhooks } from "./operations/list-webhooks.ts";
import { proveKeyEvents } from "./operations/prove-key-events.ts";
import { purgeKey } from "./operations/purge-key.ts";
import { readSelf } from "./operations/read-self.ts";
import { readyz } from "./operations/readyz.ts";
import { replayWebhookDelivery } from "./operations/replay-webhook-delivery.ts";
import { resumeKey } from "./operations/resume-key.ts";
import { resumeOwner } from "./operations/resume-owner.ts";
import { resumeWebhook } from "./operations/resume-webhook.ts";
import { revokeKey } from "./operations/revoke-key.ts";
import { revokeOwner } from "./operations/revoke-owner.ts";
import { revokeSelf } from "./operations/revoke-self.ts";
import { rotateKey } from "./operations/rotate-key.ts";
import { rotateSelf } from "./operations/rotate-self.ts";
import { rotateWebhookSecret } from "./operations/rotate-webhook-secret.ts";
import { settleReservation } from "./operations/settle-reservation.ts";
import { showReference } from "./operations/show-reference.ts";
import { suspendKey } from "./operations/suspend-key.ts";
import { suspendOwner } from "./operations/suspend-owner.ts";
import { testWebhook } from "./operations/test-webhook.ts";
import { verifyBatch } from "./operations/verify-batch.ts";
import { verifyKey } from "./operations/verify-key.ts";

/** Every operation of the control API: what is registered is what is documented. The hot path first. */
export const ROUTES: readonly Operation[] = [
  verifyKey,
  verifyBatch,
  createKey,
  listKeys,
  getKey,
  amendKey,
  purgeKey,
  rotateKey,
  revokeKey,
  suspendKey,
  resumeKey,
  creditKey,
  listKeyEvents,
  proveKeyEvents,
  getKeyUsage,
  listKeyClients,
  settleReservation,
  listEvents,
  getUsage,
  listAlerts,
  acknowledgeAlert,
  listOwners,
  revokeOwner,
  suspendOwner,
  resumeOwner,
  createWebhook,
  listWebhooks,
  getWebhook,
  amendWebhook,
  deleteWebhook,
  rotateWebhookSecret,
  testWebhook,
  resumeWebhook,
  listWebhookDeliveries,
  replayWebhookDelivery,
  readSelf,
  rotateSelf,
  revokeSelf,
  healthz,
  readyz,
  getJwks,
  explainProblem,
  getOpenApi,
  showReference,
];
