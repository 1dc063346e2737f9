/** Every bound of a homeserver's carriers and files, with the reason for its size. Units are in the names. */

/** Sockets at a time: clients, links, and what is still being opened; below the usual limit on open files. */
export const connectionsMax = 12_000;
/** From one network address beyond the local network: a whole office behind one address, and not one idle attacker. */
export const connectionsPerAddressMax = 512;
/** A TLS handshake takes a few round trips. */
export const tlsHandshakeTimeoutMs = 10_000;
/** Requests here are short: a header is there at once, and nobody uploads. */
export const headersTimeoutMs = 10_000;
export const requestTimeoutMs = 20_000;
export const keepAliveTimeoutMs = 10_000;
export const headerBytesMax = 16_384;
/** Ports tried after a default port that is taken. */
export const portsTriedMax = 20;

/** Clients do not check the certificate's time; proxies may. */
export const certificateLifetimeMs = 365 * 86_400_000;
export const certificateRenewedBeforeMs = 30 * 86_400_000;
/** A clock that is a little behind must not refuse a fresh certificate. */
export const certificateBackdatedMs = 86_400_000;
/** Files that were deleted or replaced are noticed within this. */
export const certificateCheckEveryMs = 3_600_000;

/** A laptop that moved to another network tells its links within this. */
export const addressesCheckEveryMs = 60_000;
/** Addresses of one kind in a record: each may be dialled in turn. */
export const addressesPerKindMax = 4;
