/** What a person decides about certificates from an authority (ACME, RFC 8555). */
export interface AcmeSettings {
  /** The one name that the certificate is for. */
  domain: string;
  /** Where the authority may write to; undefined: nowhere. */
  email: string | undefined;
  /** URL of the authority's directory. */
  directory: string;
  /** How the authority convinces itself that the name is ours. */
  challenge: AcmeChallenge;
  /** The plain HTTP port that answers `http-01`; the authority always asks at 80. */
  httpPort: number;
}

/** `http-01` (RFC 8555 §8.3) needs a second, plain port; `tls-alpn-01` (RFC 8737) is answered on our own TLS port. */
export type AcmeChallenge = "http-01" | "tls-alpn-01";
