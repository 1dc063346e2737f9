/** A homeserver: accounts, inboxes, key packages, sealed storage, links, streams. The core is without I/O of its own. */
export * from "./core/homeserver.ts";
export * from "./core/log.ts";
export type { OpaqueServer, OpaqueSuite } from "./core/accounts/passwords.ts";
export type { Dialer, FederationPolicy, OwnRecord, Remote } from "./core/federation/index.ts";
export type { DialBackReport, Examine } from "./core/seams.ts";
export type { HomeserverKeys, RecoveryStanding } from "./core/server-identity.ts";
export * from "./store/store.ts";
