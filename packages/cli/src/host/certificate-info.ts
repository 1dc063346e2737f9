/** The certificate that a port shows, as commands are told of it. */
import type { CertificateState } from "@fedchat/homeserver/node";
import type { HostInfo } from "../control/host-methods.ts";

export function certificateInfo(state: CertificateState): NonNullable<HostInfo["certificate"]> {
  const { kind, names, validUntil, problem } = state;
  return { kind, names, validUntil, problem: problem ?? null };
}
