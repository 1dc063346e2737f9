/**
 * Outer TLS certificates. They matter to browsers and to some proxies only: homeservers prove their keys inside. What is
 * wrong with one is therefore a warning, unless the person configured it and it cannot be used.
 */
import type { ServerAddress } from "@fedchat/protocol";
import { isIP } from "node:net";
import type { HostInfo } from "../control/host-methods.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, warning } from "./findings.ts";
import type { SeenCertificate } from "./probes.ts";

const onlyBrowsers = "Links do not mind; browsers warn, and invitation links look broken.";

/** @param covers whether the certificate is for this host */
export function judgeOwnCertificate(
  certificate: NonNullable<HostInfo["certificate"]>,
  addresses: readonly ServerAddress[],
  covers: (host: string) => boolean,
  now: number,
): Finding {
  const subject = { check: "certificate", title: "Certificate of this homeserver" };
  const { kind, names, validUntil, problem } = certificate;
  if (problem !== null) {
    const { sentence, fix } = problem;
    return failed(subject, { code: "certificate-problem", sentence, fix });
  }
  if (kind === "self-signed" || names.length === 0) {
    const proxied = addresses.some((address) => address.kind === "proxy");
    const rest = proxied ? "Browsers see the proxy's." : "Links need no other; browsers warn of it.";
    return passed(subject, `Made here. ${rest}`);
  }
  if (validUntil <= now) {
    const sentence = `It has expired. ${onlyBrowsers}`;
    return warning(subject, { code: "certificate-expired", sentence, fix: "Renew it." });
  }
  const bare = addresses.find(({ kind, host }) => kind === "direct" && isIP(host) === 0 && !covers(host));
  if (bare !== undefined) {
    return warning(subject, {
      code: "certificate-name",
      sentence: `It is for ${names.join(", ")}, and not for ${bare.host}. ${onlyBrowsers}`,
      fix: `Get one for ${bare.host}, or announce ${names[0]}.`,
    });
  }
  const days = Math.floor((validUntil - now) / 86_400_000);
  return passed(subject, `For ${names.join(", ")}, valid for ${days} more days.`);
}

/** Of a proxy, as a browser sees it that trusts what this machine trusts. */
export function judgeSeenCertificate(host: string, seen: SeenCertificate, now: number): Finding {
  const subject = { check: "proxy-certificate", title: `Certificate of the proxy ${host}` };
  if (seen.validFrom > now) {
    const sentence = `It is not valid yet, by this machine's clock. ${onlyBrowsers}`;
    return warning(subject, { code: "certificate-early", sentence, fix: "Check the clock first." });
  }
  if (seen.validTo <= now) {
    const sentence = `It has expired. ${onlyBrowsers}`;
    return warning(subject, { code: "certificate-expired", sentence, fix: "Renew it at the proxy." });
  }
  if (seen.untrusted === undefined) {
    return passed(
      subject,
      `Browsers take it, for ${Math.floor((seen.validTo - now) / 86_400_000)} more days.`,
    );
  }
  const isName = seen.untrusted === "ERR_TLS_CERT_ALTNAME_INVALID";
  return warning(subject, {
    code: isName ? "certificate-name" : "certificate-untrusted",
    sentence: isName
      ? `It is for another name. ${onlyBrowsers}`
      : `No authority that this machine trusts gave it (${seen.untrusted}). ${onlyBrowsers}`,
    fix: isName ? `Get one for ${host}.` : "Get one from an authority, such as Let's Encrypt.",
  });
}
