/** A homeserver on Node: files, sockets and threads around the core. */
export { ownAddresses } from "./addresses.ts";
export { webSocketDialer } from "./dialer.ts";
export { openHttpsServer } from "./https-server.ts";
export type { HttpsServer, HttpsServerOptions } from "./https-server.ts";
export { keyFileName, loadKeys } from "./keys.ts";
export { ListenError } from "./listen.ts";
export { SecretFileError } from "./owner-only.ts";
export { startHomeserver } from "./start-homeserver.ts";
export type { RunningHomeserver, StartOptions } from "./start-homeserver.ts";
export { CertificateError, certificateFileNames, TlsCertificate } from "./tls-certificate.ts";
export type { TlsCredentials, TlsPaths } from "./tls-certificate.ts";
