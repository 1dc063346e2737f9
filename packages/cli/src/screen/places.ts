/**
 * Where browsers on other devices reach this program under a name that they trust: an announced address that the
 * certificate is for, an announced proxy (whose own certificate counts), and the certificate's names themselves.
 */
import type { Cause } from "@fedchat/engine/interface";
import type { ServerAddress } from "@fedchat/protocol";
import { isIPv6 } from "node:net";
import { commandName } from "../terminal/command-name.ts";

/** What has to be known of the certificate in use. */
export interface ShownCertificate {
  names: readonly string[];
  validUntil: number;
  covers(host: string): boolean;
}

export interface ScreenPlaces {
  /** Origins, the best one first: `https://chat.example.com`. */
  addresses: string[];
  throughProxy: boolean;
  /** Why there is none. */
  cause: Cause | null;
}

export function screenPlaces(
  announced: readonly ServerAddress[],
  port: number,
  certificate: ShownCertificate,
  now: number,
): ScreenPlaces {
  const isValid = certificate.validUntil > now;
  const own = announced.filter(({ kind, host }) => kind !== "proxy" && isValid && certificate.covers(host));
  const named = certificate.names
    .filter((name) => isValid && !name.includes("*") && !announced.some(({ host }) => host === name))
    .map((host) => ({ host, port }));
  const proxies = announced.filter(({ kind }) => kind === "proxy");
  const addresses = [...new Set([...own, ...named, ...proxies].map(originOf))];
  return {
    addresses,
    throughProxy: proxies.length > 0,
    cause: addresses.length > 0 ? null : isValid ? noName : expired,
  };
}

const noName: Cause = {
  code: "no-trusted-address",
  sentence: "Browsers on other devices have no name for this FedChat whose certificate they trust.",
  fix: 'Set acme.domain, or tls.cert and tls.key. Behind a proxy, announce it: addresses = ["chat.example.com:443 proxy"].',
  retry: "later",
};
const expired: Cause = {
  code: "certificate-expired",
  sentence: "This FedChat's certificate has expired, so browsers on other devices do not trust it.",
  fix: `Renew it; what is wrong in full: ${commandName} doctor`,
  retry: "later",
};

export function originOf({ host, port }: { host: string; port: number }): string {
  return `https://${isIPv6(host) ? `[${host}]` : host}${port === 443 ? "" : `:${port}`}`;
}
