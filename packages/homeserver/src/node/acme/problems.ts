/** Why an authority gave no certificate, in a sentence for people with one thing to do. */
import { acmeDetailCharactersMax } from "../limits.ts";
import type { OrderFailure } from "./order-messages.ts";
import type { AcmeSettings } from "./settings.ts";

export function explain(
  { stage, code, detail }: OrderFailure,
  settings: AcmeSettings,
): { sentence: string; fix: string } {
  const { domain, directory, challenge, httpPort } = settings;
  const authority = hostOf(directory);
  const said = detail.replaceAll(/\s+/g, " ").trim().slice(0, acmeDetailCharactersMax);
  switch (stage) {
    case "reach":
      return {
        sentence: `The certificate authority ${authority} cannot be reached (${code ?? said}).`,
        fix: isTrust(code)
          ? "Its own certificate is not trusted here: for a private authority set NODE_EXTRA_CA_CERTS to its root."
          : "Check this machine's connection to the internet, and acme.directory.",
      };
    case "account":
      return {
        sentence: `The certificate authority ${authority} gave no account: ${said}`,
        fix: "Check acme.email.",
      };
    case "answer":
      return {
        sentence: `The authority's question about ${domain} cannot be answered on port ${httpPort} (${code || said}).`,
        fix:
          code === "EACCES"
            ? `Let this user listen on port ${httpPort}, or forward port 80 to another one and set acme.http_port to it.`
            : `End the program that uses port ${httpPort}, or forward port 80 to another one and set acme.http_port to it.`,
      };
    case "validate": {
      const port = challenge === "http-01" ? 80 : 443;
      return {
        sentence: `The certificate authority could not convince itself that ${domain} is this machine: ${said}`,
        fix: `See that ${domain} points to this machine and that port ${port} of it is reached from the internet.`,
      };
    }
    case "order":
    case "issue":
      return {
        sentence: `The certificate authority ${authority} refused a certificate for ${domain}: ${said}`,
        fix: "Check acme.domain; what the authority says names the cause.",
      };
  }
}

const isTrust = (code: string | undefined): boolean =>
  code !== undefined && /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code);

function hostOf(directory: string): string {
  return URL.parse(directory)?.host ?? directory;
}
