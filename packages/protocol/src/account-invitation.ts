/**
 * An account invitation: a link by which somebody opens an account on a homeserver,
 * `https://HOST[:PORT]/app#SERVERID.TOKEN`. The fragment never reaches a web server; its ServerId is what the engine
 * expects of whoever answers there, so that the first contact is as sure as the way the link came. [J2]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { bytes, struct, text, uint } from "./cbor/codec.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { ProtocolError } from "./errors.ts";
import {
  accountInvitationLifetimeMsMax,
  accountInvitationUsesMax,
  invitationLabelBytesMax,
  invitationLinkBytesMax,
} from "./limits.ts";
import type { ServerId } from "./names.ts";
import { serverId } from "./names.ts";
import type { ServerAddress } from "./server-record.ts";

/** Where browsers find the page with an engine of their own. */
export const appPath = "/app";

export const accountInvitationTokenBytes = 16;

/** What an administrator wants: [J1]. */
export const accountInvitationWish = struct({
  label: text({ max: invitationLabelBytesMax }),
  lifetimeMs: uint({ max: accountInvitationLifetimeMsMax }),
  uses: uint({ max: accountInvitationUsesMax }),
});
export type AccountInvitationWish = TypeOf<typeof accountInvitationWish>;

/** As administrators see it: without its token, of which the homeserver keeps the hash alone. */
export const accountInvitationView = struct({
  /** The first bytes of the token's hash. */
  id: bytes(8),
  label: text({ max: invitationLabelBytesMax }),
  createdAt: uint({}),
  expiresAt: uint({}),
  usesMax: uint({}),
  usesLeft: uint({}),
});
export type AccountInvitationView = TypeOf<typeof accountInvitationView>;

export interface AccountInvitation {
  host: string;
  port: number;
  server: ServerId;
  token: Uint8Array;
}

/** @param addresses the homeserver's announced ones: those come first that browsers most likely trust */
export function formatAccountInvitation(
  addresses: readonly ServerAddress[],
  { server, token }: Pick<AccountInvitation, "server" | "token">,
): string {
  const best = kinds.flatMap((kind) => addresses.filter((one) => one.kind === kind))[0];
  const { host, port } = best ?? { host: "localhost", port: 8443 };
  const name = host.includes(":") ? `[${host}]` : host;
  return `https://${name}${port === 443 ? "" : `:${port}`}${appPath}#${server}.${encodeBase32(token)}`;
}

const kinds: readonly ServerAddress["kind"][] = ["proxy", "direct", "lan"];

/** Throws `ProtocolError("malformed")`. */
export function parseAccountInvitation(link: string): AccountInvitation {
  const url = link.length > invitationLinkBytesMax ? null : URL.parse(link.trim());
  const invited = url === null ? undefined : parseAccountFragment(url.hash.slice(1));
  if (url?.protocol !== "https:" || url.pathname !== appPath || invited?.token === undefined)
    throw new ProtocolError("malformed", "This is not a complete account invitation.");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: url.port === "" ? 443 : Number(url.port),
    server: invited.server,
    token: invited.token,
  };
}

/** The part behind `#`: a server, and the token if there is one. Undefined where it is neither. */
export function parseAccountFragment(
  fragment: string,
): { server: ServerId; token: Uint8Array | undefined } | undefined {
  const [id = "", token, ...rest] = fragment.split(".");
  const server = serverId.parse(id);
  if (server === undefined || rest.length > 0) return undefined;
  if (token === undefined) return { server, token };
  const decoded = tokenPattern.test(token) ? tokenOf(token) : undefined;
  return decoded && { server, token: decoded };
}

/** 16 bytes; the owner's token has 32. */
const tokenPattern = /^[a-z2-7]{26}(?:[a-z2-7]{26})?$/;

/** Undefined where unused bits are set. */
function tokenOf(text: string): Uint8Array | undefined {
  try {
    return decodeBase32(text);
  } catch {
    return undefined;
  }
}
