/** What a TLS server shows and proves itself with, in PEM; `cert` may be a chain. */
export interface TlsCredentials {
  cert: string;
  key: string;
}
