/** What can be said of the certificate that is shown now: for status, the doctor, and whoever serves browsers. */
import { isIP } from "node:net";
import { X509Certificate } from "node:crypto";
import { nobodysName } from "./self-signed.ts";
import type { CertificateProblem, CertificateSource } from "./tls-certificate.ts";

export interface CertificateState {
  /** Whether an authority gave it, the person configured it, or it was made here. */
  kind: CertificateSource["kind"];
  /** DNS names that it is for, wildcards included; none where it was made here. */
  names: string[];
  /** Unix ms. */
  validUntil: number;
  problem: CertificateProblem | undefined;
  /** Whether it is for this DNS name or address. */
  covers(host: string): boolean;
}

export function certificateState({ kind, current, problem }: CertificateSource): CertificateState {
  const parsed = new X509Certificate(current.cert);
  return {
    kind,
    names: (parsed.subjectAltName ?? "")
      .split(", ")
      .filter((name) => name.startsWith("DNS:"))
      .map((name) => name.slice("DNS:".length))
      .filter((name) => name !== nobodysName),
    validUntil: parsed.validToDate.getTime(),
    problem,
    covers: (host) =>
      (isIP(host) === 0 ? parsed.checkHost(host, { subject: "never" }) : parsed.checkIP(host)) !== undefined,
  };
}
