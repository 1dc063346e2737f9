/**
 * Finds the homeserver that a client-only FedChat is for, and pins it. Trust: at the first contact without a key,
 * whoever answers at the address; whoever starts it is shown the fingerprint before an account is opened there. [J4]
 */
import { identifyOverHttps } from "@fedchat/homeserver/node";
import { storeFileName } from "@fedchat/homeserver/store";
import type { ServerId } from "@fedchat/protocol";
import { fingerprint, parseAccountInvitation, ProtocolError, serverRecord } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseDirectory } from "../config/text-forms.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { homeserverPort } from "../limits.ts";
import type { HomeserverPlace } from "./homeserver-pin.ts";
import { readPin, writePin } from "./homeserver-pin.ts";

export interface FoundHomeserver {
  place: HomeserverPlace;
  /** Of the account invitation that led there. */
  token: Uint8Array | undefined;
  /** Nothing but its address said who it is: its fingerprint is to be compared. */
  atFirstSight: boolean;
}

/**
 * The homeserver that is meant, pinned from now on. Rejects with `CommandError`: usage, or refused where another key is
 * pinned.
 * @param given a link, `HOST[:PORT]` or `HOST[:PORT]/SERVERID`; undefined: the pinned one
 */
export async function findHomeserver(data: string, given: string | undefined): Promise<FoundHomeserver> {
  if (existsSync(join(data, storeFileName)))
    throw new CommandError(
      exitCodes.usage,
      `${data} holds a homeserver of its own.`,
      "Choose another folder with --data.",
    );
  const pinned = readPin(data);
  if (given === undefined) {
    if (pinned !== undefined) return { place: pinned, token: undefined, atFirstSight: false };
    throw new CommandError(
      exitCodes.usage,
      "Which homeserver? This folder has none yet.",
      "Name it: --server HOST:PORT, or the link of an account invitation.",
    );
  }
  const { host, port, server, token } = parsePlace(given);
  const found = server ?? pinned?.server ?? (await identify({ host, port }));
  if (pinned !== undefined && found !== pinned.server) throw anotherKey(data, pinned.server, found);
  const place = { host, port, server: found };
  writePin(data, place);
  return { place, token, atFirstSight: server === undefined && pinned === undefined };
}

function parsePlace(given: string): Omit<HomeserverPlace, "server"> & Partial<AccountLink> {
  if (given.includes("#")) {
    try {
      return parseAccountInvitation(given);
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      throw new CommandError(exitCodes.usage, cause.message, "Copy the whole link.", { cause });
    }
  }
  const [place = "", ...id] = given.trim().split("/");
  const bare = /^(?:\[[^\]]*\]|[^\s:]+)$/.test(place);
  const found = parseDirectory([bare ? `${place}:${homeserverPort}` : place, ...id].join("/"));
  if (found === undefined)
    throw new CommandError(
      exitCodes.usage,
      `'${given}' is no homeserver.`,
      "Write HOST, HOST:PORT or HOST:PORT/SERVERID, or the link of an account invitation.",
    );
  const { address, server } = found;
  return { host: address.host, port: address.port, ...(server === undefined ? {} : { server }) };
}

interface AccountLink {
  server: ServerId;
  token: Uint8Array;
}

/** Whoever answers there, by its signed record. */
async function identify({ host, port }: { host: string; port: number }): Promise<ServerId> {
  try {
    const signed = await identifyOverHttps({ host, port, kind: "direct" });
    return serverRecord.open(nodePrimitives, signed).key;
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new CommandError(exitCodes.failed, cause.message, "Check the address, and that the server runs.", {
      cause,
    });
  }
}

function anotherKey(data: string, pinned: ServerId, found: ServerId): CommandError {
  return new CommandError(
    exitCodes.refused,
    `The account in ${data} belongs to another homeserver.\n` +
      `  pinned here  ${fingerprint(pinned)}\n  that one     ${fingerprint(found)}`,
    "Choose another folder with --data. If your homeserver's key was changed, ask its administrator why.",
  );
}
