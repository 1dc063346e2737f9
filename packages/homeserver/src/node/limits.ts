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
/** A person's own certificate that was replaced is shown within this; looking costs two calls of `stat`. */
export const ownCertificateCheckEveryMs = 5_000;

/** Renewed at this part of its lifetime: what is left is enough for weeks of failures of a 90-day certificate. */
export const acmeRenewedAfter = 2 / 3;
/** The wait after a first failure; it doubles. Let's Encrypt allows five failed validations an hour and name. */
export const acmeRetryFirstMs = 300_000;
export const acmeRetryMaxMs = 86_400_000;
/** The time of the next renewal is looked at again so often, since clocks jump and machines sleep. */
export const acmeCheckEveryMs = 3_600_000;
/** One request to a certificate authority. */
export const acmeRequestTimeoutMs = 30_000;
/** Looks at whether the authority has validated: each a little later, some 75 s in all. */
export const acmePolls = { attempts: 12, firstMs: 500, maxMs: 10_000 } as const;
/** An order in all; then its thread is ended. */
export const acmeOrderTimeoutMs = 300_000;
/** What is repeated of an authority's own words. */
export const acmeDetailCharactersMax = 300;
/** A TLS ClientHello with post-quantum key shares is some 2 kB. */
export const clientHelloBytesMax = 16_384;

/** A laptop that moved to another network tells its links within this. */
export const addressesCheckEveryMs = 60_000;
/** A laptop that woke is noticed within this; looking costs nothing. */
export const wakingCheckEveryMs = 5_000;
/** Not running for longer than this is sleep: peers may have given up, and routers forgotten. A busy machine is late by less. */
export const asleepMs = 10_000;
/** Addresses of one kind in a record: each may be dialled in turn. */
export const addressesPerKindMax = 4;

/** Networks that are looked through: Ethernet, wireless, and some that a machine with many has beside them. */
export const nearbyNetworksMax = 4;
/** Networks are asked anew this often; a laptop that moved finds its new neighbours within this. */
export const nearbyRoundMs = 60_000;
/** Who left without a word is gone after some rounds that it did not answer. */
export const nearbyForgottenAfterMs = 200_000;
/** What multicast DNS allows in one packet. RFC 6762 §17 */
export const nearbyPacketBytesMax = 9_000;
/** Questions and records of one packet: each costs a comparison with every other; ours has about ten. */
export const nearbyPacketRecordsMax = 96;
/** Packets of one network: a house full of devices wakes up, and a flood is let go. */
export const nearbyPacketRate = { burst: 200, refillMs: 20, keysMax: 1 };
/** Packets of one machine, so that one that floods is not heard in the place of others. */
export const nearbySourceRate = { burst: 60, refillMs: 100, keysMax: 256 };
/** Services heard in one round before nothing more is heard of until the next: several times what is shown. */
export const nearbyServicesHeardMax = 256;
/** Servers that one machine may speak for: a few on one box, and never the whole list. */
export const nearbyPerSourceMax = 16;
/** Machines that may speak for one server: a liar must not push the true one out. */
export const nearbySourcesMax = 4;
/** Addresses taken from one answer, so that those of several answers fit into an entry. */
export const nearbyAddressesPerAnswerMax = 4;
/** Screens are told of changes at most this often. */
export const nearbyEventEveryMs = 1_000;
/** A goodbye is one packet: stopping does not wait for a network that does not take it. */
export const nearbyGoodbyeMs = 500;
/** What a router is asked for; a mapping that nobody renews ends within this. The library asks UPnP routers for no less. */
export const portMappingLifetimeMs = 3_600_000;
/** Well within that, so that a renewal may fail once. */
export const portMappingRenewedEveryMs = 1_500_000;
/** After a failure: routers restart, and people switch things on. */
export const portMappingRetryMs = 300_000;
/** A router answers within a second or two; looking for one by UPnP takes its answers' random delay. */
export const natPmpTimeoutMs = 3_000;
export const upnpTimeoutMs = 8_000;
/** All of that; then the thread is ended. */
export const portMappingDeadlineMs = 20_000;
/** Stopping does not wait longer for a router; the mapping then ends by itself. */
export const portReleaseDeadlineMs = 2_500;
/** What routers answer is small; a stranger in the network must not make that thread fill the memory. */
export const portMappingThreadMegabytesMax = 64;

/** A directory that is asked who it is: a web server's answer, and no more. */
export const identifyTimeoutMs = 10_000;

/** A domain's record: one request over a new connection. */
export const domainTimeoutMs = 8_000;
/** The largest signed record, four times over; what is larger is a web page. */
export const domainAnswerBytesMax = 65_536;
