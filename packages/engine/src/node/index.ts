/** The engine on Node: what a composition root starts and what serves its interface. */
export { accountInvitationId, shownAccountInvitation } from "../core/account-invitations.ts";
export * from "../core/engine-error.ts";
export * from "../core/log.ts";
export * from "../core/openrpc.ts";
export { kitBytes, kitFromWords, serverRecoverySeed, wordsOfKit } from "../core/recovery-words.ts";
export * from "../core/rpc-server.ts";
export * from "./engine-worker.ts";
