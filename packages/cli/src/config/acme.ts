/** The settings of a certificate from an authority, as the homeserver takes them. */
import type { AcmeSettings } from "@fedchat/homeserver/node";
import type { Config } from "./schema.ts";

/** Undefined where no domain is configured. */
export function acmeSettings(config: Config): AcmeSettings | undefined {
  const domain = config["acme.domain"];
  if (domain === undefined) return undefined;
  const wanted = config["acme.challenge"];
  return {
    domain,
    email: config["acme.email"],
    directory: config["acme.directory"],
    challenge: wanted === "auto" ? challengeThatCanWork(config, domain) : wanted,
    httpPort: config["acme.http_port"],
  };
}

/** Authorities ask at 443 or at 80 and nowhere else: our own port answers where it is 443 from outside. */
function challengeThatCanWork(config: Config, domain: string): AcmeSettings["challenge"] {
  const isAt443 = config.addresses.some(
    ({ host, port, kind }) => host === domain && port === 443 && kind === "direct",
  );
  return config.port === 443 || isAt443 ? "tls-alpn-01" : "http-01";
}
