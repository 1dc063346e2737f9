/**
 * One answer of DNS-SD, read into what it says of a server. Everything in it is a stranger's word: what does not have
 * exactly the form that our own answers have is none, and the id is proved only by the handshake when a person links. [Y1] [Y2]
 */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import { serverId, serverNamePattern } from "@fedchat/protocol";
import { nearbyAddressesPerAnswerMax } from "./limits.ts";
import type { LocalNetwork } from "./nearby-networks.ts";

/** RFC 6763 §7: `_fedchat._tcp`. */
export const serviceType = "fedchat";
/** Of what the TXT record says. */
const answerVersion = "1";
/** A string of a TXT record, its key included. RFC 6763 §6.1 */
const textBytesMax = 255;

/** An answer as the library gives it, before anything of it is believed. */
export interface RawAnswer {
  txt?: unknown;
  port?: unknown;
  addresses?: unknown;
  /** Who sent the packet. */
  referer?: { address: string } | undefined;
}

export interface NearbyAnswer {
  server: ServerId;
  /** As it claims; empty where it says none. */
  name: string;
  addresses: ServerAddress[];
  /** The machine that said so. */
  source: string;
}

/** What our own answer says. A name too long for it is left out. */
export function answerText(server: ServerId, name: string): Record<string, string> {
  const said = { id: server, v: answerVersion };
  return "name=".length + name.length > textBytesMax ? said : { ...said, name };
}

/** Undefined where it is none that counts, from this network. */
export function readAnswer(raw: RawAnswer, network: LocalNetwork): NearbyAnswer | undefined {
  const source = raw.referer?.address ?? "";
  if (!network.contains(source)) return undefined;
  const { id, v, name = "" } = asRecord(raw.txt);
  if (v !== answerVersion || typeof id !== "string" || typeof name !== "string") return undefined;
  const server = serverId.parse(id);
  if (server === undefined || (name !== "" && !serverNamePattern.test(name))) return undefined;
  const { port } = raw;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const hosts = (Array.isArray(raw.addresses) ? raw.addresses : [])
    .filter((host): host is string => typeof host === "string" && network.contains(host))
    .slice(0, nearbyAddressesPerAnswerMax);
  if (hosts.length === 0) return undefined;
  const addresses = [...new Set(hosts)].map((host): ServerAddress => ({ host, port, kind: "lan" }));
  return { server, name, addresses, source };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
