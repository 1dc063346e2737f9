/** What an order's thread and the homeserver tell each other. */
import type { TlsCredentials } from "../tls-credentials.ts";
import type { AcmeSettings } from "./settings.ts";

export interface OrderData {
  settings: AcmeSettings;
  /** PEM. */
  accountKey: string;
}

/** What the authority has to find. RFC 8555 §8.1 */
export interface ChallengeAnswer {
  token: string;
  keyAuthorization: string;
  /** For `tls-alpn-01`: the certificate that proves it. RFC 8737 §3 */
  certificate: TlsCredentials | undefined;
}

/** How far an order came before it failed. */
export type OrderStage = "reach" | "account" | "order" | "answer" | "validate" | "issue";

export interface OrderFailure {
  stage: OrderStage;
  /** A system error's code, where there was one. */
  code: string | undefined;
  /** In the words of the authority or the system. */
  detail: string;
}

export type FromOrder =
  | { kind: "answer"; answer: ChallengeAnswer }
  | { kind: "issued"; credentials: TlsCredentials }
  | { kind: "failed"; failure: OrderFailure };

/** The challenge can be answered now, or why not. */
export type ToOrder = { kind: "answering" } | { kind: "cannot-answer"; code: string; detail: string };
