/**
 * Outer TLS certificates. They matter to browsers and to some proxies only: homeservers prove their keys inside. What is
 * wrong with one is therefore a warning, unless the person configured it and it cannot be used.
 */
import type { ServerAddress } from "@fedchat/protocol";
import { isIP } from "node:net";
import type { HostInfo } from "../control/host-methods.ts";
import type { Finding } from "./findings.ts";
import type { Subject } from "./findings.ts";
import { failed, passed, warning } from "./findings.ts";
import { loopbackOf } from "./port.ts";
import type { SeenCertificate } from "./probes.ts";
import { askHttps } from "./probes.ts";

const onlyBrowsers = "Links do not mind; browsers warn, and invitation links look broken.";

/**
 * Of the certificate on the homeserver's own port.
 * @param covers whether it is for this host
 */
export async function certificateFinding(
  { certificate, addresses, host, port }: HostInfo,
  covers: (host: string) => boolean,
  now: number,
): Promise<Finding[]> {
  if (certificate === undefined) return [];
  const name = certificate.names[0]?.replace("*", "any");
  const answer =
    certificate.kind === "self-signed"
      ? undefined
      : await askHttps({ host: loopbackOf(host), port }, "/i", name);
  return [
    judgeOwnCertificate(certificate, addresses, { covers, now, untrusted: answer?.certificate?.untrusted }),
  ];
}

/**
 * @param untrusted Node's code for why a browser would not take it; undefined where it would, or cannot be told
 * @param covers whether the certificate is for this host
 */
export function judgeOwnCertificate(
  certificate: NonNullable<HostInfo["certificate"]>,
  addresses: readonly ServerAddress[],
  {
    covers,
    now,
    untrusted,
  }: { covers: (host: string) => boolean; now: number; untrusted: string | undefined },
): Finding {
  const subject = { check: "certificate", title: "Certificate of this homeserver" };
  const { kind, names, validUntil, problem } = certificate;
  if (problem !== null) {
    const { sentence, fix } = problem;
    return failed(subject, { code: "certificate-problem", sentence, fix });
  }
  const proxied = addresses.some((address) => address.kind === "proxy");
  if (kind === "self-signed") {
    const rest = proxied ? "Browsers see the proxy's." : "Links need no other; browsers warn of it.";
    return passed(subject, `Made here. ${rest}`);
  }
  if (validUntil <= now) {
    const sentence = `It has expired. ${onlyBrowsers}`;
    return warning(subject, { code: "certificate-expired", sentence, fix: "Renew it." });
  }
  // Behind a proxy on whose addresses alone browsers come, they never see it.
  const isSeen = !proxied || addresses.some((address) => address.kind === "direct");
  const isNameless = names.length === 0 && !addresses.some(({ host }) => covers(host));
  if (isSeen && untrusted !== undefined && (isNameless || untrusted !== "ERR_TLS_CERT_ALTNAME_INVALID"))
    return untrustedFinding(subject, untrusted, isNameless);
  const bare = addresses.find(({ kind, host }) => kind === "direct" && isIP(host) === 0 && !covers(host));
  if (bare !== undefined) {
    return warning(subject, {
      code: "certificate-name",
      sentence: `It is for ${names.join(", ")}, and not for ${bare.host}. ${onlyBrowsers}`,
      fix: `Get one for ${bare.host}, or announce ${names[0]}.`,
    });
  }
  const days = Math.floor((validUntil - now) / 86_400_000);
  const whom =
    names.join(", ") ||
    addresses
      .filter(({ host }) => covers(host))
      .map(({ host }) => host)
      .join(", ");
  return passed(subject, `For ${whom || "no name"}, valid for ${days} more days.`);
}

/** One that the person configured, or an authority gave, and that no browser takes as it is. */
function untrustedFinding(subject: Subject, untrusted: string, isNameless: boolean): Finding {
  if (untrusted === "DEPTH_ZERO_SELF_SIGNED_CERT") {
    return warning(subject, {
      code: "certificate-self-signed",
      sentence: `It is signed by itself: screens on other devices warn of it, and invitation links look broken. Links do not care.`,
      fix: "Get one from an authority, such as Let's Encrypt (settings acme.domain, acme.email, acme.agree_terms), or trust this one on each device.",
    });
  }
  if (isNameless) {
    const sentence = `It is for no DNS name, so browsers take it nowhere. ${onlyBrowsers}`;
    const fix = "Get one with your domain as a subject alternative name.";
    return warning(subject, { code: "certificate-name", sentence, fix });
  }
  return warning(subject, {
    code: "certificate-untrusted",
    sentence: `No authority that browsers know by themselves vouches for it (${untrusted}). ${onlyBrowsers}`,
    fix: "Put the certificates between it and its authority behind it in the same file (fullchain.pem); with an authority of your own, trust that on each device.",
  });
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
