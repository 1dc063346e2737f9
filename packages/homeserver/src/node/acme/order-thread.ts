/**
 * One order at a certificate authority (RFC 8555 §7), in a thread of its own: it dies with the order or with the
 * program, whatever it waits for, and its libraries' memory goes with it. The account key is in here; challenges are
 * answered by the main thread, which has the ports.
 */
import { parentPort, workerData } from "node:worker_threads";
import * as acme from "acme-client";
import { acmePolls, acmeRequestTimeoutMs } from "../limits.ts";
import type { TlsCredentials } from "../tls-credentials.ts";
import type { ChallengeAnswer, FromOrder, OrderData, OrderStage, ToOrder } from "./order-messages.ts";

const main = parentPort!;
const { settings, accountKey } = workerData as OrderData;
let stage: OrderStage = "reach";

async function order(): Promise<TlsCredentials> {
  acme.axios.defaults.timeout = acmeRequestTimeoutMs;
  // Whoever waits for the outcome waits longer between tries than the library would.
  Object.assign(acme.axios.defaults, { acmeSettings: { retryMaxAttempts: 1, retryDefaultDelay: 1 } });
  const client = new acme.Client({
    directoryUrl: settings.directory,
    accountKey,
    backoffAttempts: acmePolls.attempts,
    backoffMin: acmePolls.firstMs,
    backoffMax: acmePolls.maxMs,
  });
  await client.getTermsOfServiceUrl();
  stage = "account";
  const contact = settings.email === undefined ? {} : { contact: [`mailto:${settings.email}`] };
  await client.createAccount({ termsOfServiceAgreed: true, ...contact });
  stage = "order";
  const placed = await client.createOrder({ identifiers: [{ type: "dns", value: settings.domain }] });
  for (const authorization of await client.getAuthorizations(placed)) await prove(client, authorization);
  stage = "issue";
  const privateKey = await acme.crypto.createPrivateEcdsaKey();
  const [key, request] = await acme.crypto.createCsr({ altNames: [settings.domain] }, privateKey);
  const cert = await client.getCertificate(await client.finalizeOrder(placed, request));
  return { cert, key: key.toString() };
}

async function prove(client: acme.Client, authorization: acme.Authorization): Promise<void> {
  // Proved in an order not long ago.
  if (authorization.status === "valid") return;
  const challenge = authorization.challenges.find(({ type }) => type === settings.challenge);
  if (challenge === undefined) throw new Error(`The authority does not offer ${settings.challenge}.`);
  const keyAuthorization = await client.getChallengeKeyAuthorization(challenge);
  stage = "answer";
  const certificate = await alpnCertificate(authorization, keyAuthorization);
  await answered({ token: challenge.token, keyAuthorization, certificate });
  stage = "validate";
  await client.completeChallenge(challenge);
  await client.waitForValidStatus(challenge);
}

async function alpnCertificate(
  authorization: acme.Authorization,
  keyAuthorization: string,
): Promise<TlsCredentials | undefined> {
  if (settings.challenge !== "tls-alpn-01") return undefined;
  const privateKey = await acme.crypto.createPrivateEcdsaKey();
  const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization, privateKey);
  return { cert: cert.toString(), key: key.toString() };
}

function answered(answer: ChallengeAnswer): Promise<void> {
  return new Promise((resolve, reject) => {
    main.once("message", (message: ToOrder) => {
      if (message.kind === "answering") return resolve();
      reject(Object.assign(new Error(message.detail), { code: message.code }));
    });
    tell({ kind: "answer", answer });
  });
}

function tell(message: FromOrder): void {
  main.postMessage(message);
}

try {
  tell({ kind: "issued", credentials: await order() });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ kind: "failed", failure: { stage, code, detail: message } });
}
