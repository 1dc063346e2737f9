/**
 * Every setting: its key in `fedchat.toml`, what it may be, what holds when nobody says anything, and one line about
 * it. The key gives the environment variable (`screen.port` is FEDCHAT_SCREEN_PORT) and the flag where there is one.
 */
import type { ServerId } from "@fedchat/protocol";
import { serverId, serverNamePattern } from "@fedchat/protocol";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { parseAddress, parseAddressRange, parseDirectory } from "./text-forms.ts";

/** 0 lets the system choose. */
const portRange = "must be a whole number from 0 to 65535";
const port = z.int(portRange).min(0, portRange).max(65_535, portRange);
const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, `must be one of: ${words.join(", ")}`);
const address = z.string().transform((text, context) => {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `'${text}' is not host:port or host:port proxy` });
  return z.NEVER;
});

const directoryPlace = z.string().transform((text, context) => {
  const parsed = parseDirectory(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `'${text}' is not host:port or host:port/SERVERID` });
  return z.NEVER;
});

const addressRange = z.string().transform((text, context) => {
  const parsed = parseAddressRange(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `'${text}' is not an address such as 10.0.0.2 or 10.0.0.0/8` });
  return z.NEVER;
});

const serverName = z.string().superRefine((text, context) => {
  if (serverNamePattern.test(text)) return;
  const written = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, "-")
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  const offer = serverNamePattern.test(written) ? ` Did you mean '${written}'?` : "";
  const rule =
    "a name has lower-case letters a to z, digits and hyphens only, 32 at most, such as bob, or is a domain such as chat.example.com.";
  context.addIssue({ code: "custom", message: `'${text}' cannot be used: ${rule}${offer}` });
});

/** RFC 1123 §2.1, with a dot in it: no authority vouches for a bare label. */
const domainName =
  /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

const relayMax = 1_048_576;
const takeoverRange = "must be between 1 and 86400";
const relayRange = (min: number) => `must be a whole number from ${min} to ${relayMax}`;

const shape = {
  data: z.string().min(1).describe("folder that holds everything to back up"),
  name: serverName.optional().describe("what this homeserver calls itself"),
  host: z.string().min(1).describe("address that the homeserver listens on"),
  port: port.describe("the homeserver's port; the next free one when this default is taken"),
  addresses: z
    .array(address)
    .max(16)
    .describe('where others reach this homeserver: ["chat.example.com:443 proxy"]; found out when empty'),
  proxies: z
    .array(addressRange)
    .max(64)
    .describe(
      'reverse proxies on other machines whose X-Forwarded-For is believed: ["10.0.0.2"]; those on this machine are',
    ),
  accept: oneOf(["ask", "anyone", "listed"]).describe("which servers that link us are linked back"),
  listed: z
    .array(
      z.custom<ServerId>(
        (id) => typeof id === "string" && serverId.parse(id) !== undefined,
        "must be server ids",
      ),
    )
    .max(10_000)
    .describe('server ids that accept = "listed" lets in, beside those linked from here'),
  registration: oneOf(["closed", "invited", "open"]).describe(
    "who may open an account here: nobody but the owner, whom an administrator invited, or anybody",
  ),
  directory: z
    .array(directoryPlace)
    .max(8)
    .describe(
      'directories that this server registers with and hears of others from: ["directory.example.com:8443"], with /SERVERID where it is known',
    ),
  directory_token: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("what directories that are not open want to see; of 'fedchat directory', what it wants to see"),
  directory_lobby: z
    .string()
    .max(8_192)
    .optional()
    .describe(
      "of 'fedchat directory': a link into the open room that everybody who registers is shown as the lobby",
    ),
  visibility: oneOf(["hidden", "linked", "beyond", "directory"]).describe(
    "how far people of this server are shown who did not choose: to nobody, to linked servers, to servers linked with these, in directories too",
  ),
  nearby: z
    .union([z.literal(false), z.enum(["announce", "look"])], "must be one of: announce, look, false")
    .describe(
      "servers in the local network: announce (everybody in it sees this server's name and id) and look for others; only look; or false",
    ),
  port_mapping: z
    .boolean()
    .describe("whether the router is asked, by NAT-PMP and UPnP, to let others reach this homeserver's port"),
  relay: oneOf(["nobody", "linked", "anyone"]).describe(
    "for whom this server passes on what it cannot read: between servers linked with it, or from anyone to them; a choice made on the screen stands above this",
  ),
  relay_storage_mb: z
    .int(relayRange(0))
    .min(0, relayRange(0))
    .max(relayMax, relayRange(0))
    .describe("megabytes kept for servers that are away; 0 keeps nothing"),
  relay_bandwidth_kb: z
    .int(relayRange(1))
    .min(1, relayRange(1))
    .max(relayMax, relayRange(1))
    .describe("kilobytes per second passed on between others"),
  room_takeover_seconds: z
    .int(takeoverRange)
    .min(1, takeoverRange)
    .max(86_400, takeoverRange)
    .describe(
      "seconds that the homeserver which orders a room may be away, with something to change in it, before the next one of the room's list is asked to go on",
    ),
  "tls.cert": z.string().min(1).optional().describe("certificate file (PEM); made by itself when absent"),
  "tls.key": z.string().min(1).optional().describe("its private key (PEM)"),
  "acme.domain": z
    .string()
    .regex(domainName, "must be a domain in lower case, such as chat.example.com")
    .optional()
    .describe("domain to get a certificate for from an authority such as Let's Encrypt"),
  "acme.email": z
    .string()
    .regex(/^[^\s@]+@[^\s@]+$/, "must be an e-mail address")
    .optional()
    .describe("where the authority may write to"),
  "acme.directory": z
    .url({ protocol: /^https$/, error: "must be an https URL" })
    .describe("the authority's directory; Let's Encrypt's when absent"),
  "acme.agree_terms": z.boolean().describe("whether you agree to the authority's terms of service"),
  "acme.challenge": oneOf(["auto", "http-01", "tls-alpn-01"]).describe(
    "how the authority looks: tls-alpn-01 at port 443 of this server, http-01 at port 80; auto finds out",
  ),
  "acme.http_port": port.describe("port that answers http-01; the authority's questions come to port 80"),
  app: z
    .boolean()
    .describe(
      "whether browsers get FedChat with an engine of their own at /app, for the people of this server",
    ),
  "screen.port": port.describe(
    "port of the local screen on 127.0.0.1; the next free one when this default is taken",
  ),
  "screen.open": z.boolean().describe("whether start opens the screen in the browser"),
  "log.level": oneOf(["debug", "info", "warn", "error"]).describe("what is written to fedchat.log"),
};

export const configSchema = z
  .strictObject(shape)
  .refine((config) => (config["tls.cert"] === undefined) === (config["tls.key"] === undefined), {
    path: ["tls.key"],
    message: "tls.cert and tls.key belong together: set both or neither",
  })
  .refine((config) => config["acme.domain"] === undefined || config["acme.agree_terms"], {
    path: ["acme.agree_terms"],
    message: "must be true: an authority gives certificates only to those who agree to its terms of service",
  })
  .refine((config) => config["acme.domain"] === undefined || config["tls.cert"] === undefined, {
    path: ["acme.domain"],
    message: "a certificate is either your own (tls.cert) or an authority's (acme.domain), not both",
  });
export type Config = z.output<typeof configSchema>;
export type ConfigKey = keyof typeof shape;

export const configKeys = Object.keys(shape) as ConfigKey[];
export const isConfigKey = (key: string): key is ConfigKey => Object.hasOwn(shape, key);
export const describeKey = (key: ConfigKey): string => shape[key].description ?? "";

/** What holds when no file, variable or flag says otherwise. */
export function defaults(environment: Environment): Partial<Record<ConfigKey, unknown>> {
  return {
    data: defaultDataFolder(environment),
    host: hasIpv6() ? "::" : "0.0.0.0",
    port: 8443,
    addresses: [],
    proxies: [],
    accept: "ask",
    listed: [],
    registration: "invited",
    directory: [],
    visibility: "linked",
    nearby: "announce",
    port_mapping: false,
    relay: "linked",
    relay_storage_mb: 256,
    relay_bandwidth_kb: 2_048,
    room_takeover_seconds: 120,
    "acme.directory": "https://acme-v02.api.letsencrypt.org/directory",
    "acme.agree_terms": false,
    "acme.challenge": "auto",
    "acme.http_port": 80,
    app: false,
    "screen.port": 8080,
    "screen.open": true,
    "log.level": "info",
  };
}

/** The variables that are read, and the operating system that decides where data lies. */
export interface Environment {
  variables: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  workingFolder: string;
}

function defaultDataFolder({ variables, platform }: Environment): string {
  const home = variables["HOME"] ?? homedir();
  if (platform === "darwin") return join(home, "Library", "Application Support", "FedChat");
  if (platform === "win32") return join(variables["APPDATA"] ?? join(home, "AppData", "Roaming"), "FedChat");
  return join(variables["XDG_DATA_HOME"] || join(home, ".local", "share"), "fedchat");
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === "IPv6"));
}

const wholeNumbers: ConfigKey[] = [
  "port",
  "screen.port",
  "acme.http_port",
  "relay_storage_mb",
  "relay_bandwidth_kb",
  "room_takeover_seconds",
];

const lists: ConfigKey[] = ["addresses", "proxies", "listed", "directory"];

/** Reads text of a variable or flag as the key's type; leaves it as it is where it does not fit: the schema says why. */
export function fromText(key: ConfigKey, text: string): unknown {
  if (wholeNumbers.includes(key)) {
    return /^\d+$/.test(text) ? Number(text) : text;
  }
  if (key === "app" || key === "screen.open" || key === "acme.agree_terms" || key === "port_mapping")
    return text === "true" ? true : text === "false" ? false : text;
  if (key === "nearby" && text === "false") return false;
  if (!lists.includes(key)) return text;
  const items = listOf(text) ?? text.split(",").map((item) => item.trim());
  return items.filter((item) => item !== "");
}

/** A list as it is written in fedchat.toml. Undefined where it is none: an IPv6 address begins so, too. */
function listOf(text: string): unknown[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    const { list } = parse(`list = ${text}`);
    return Array.isArray(list) ? list : undefined;
  } catch (error) {
    if (error instanceof TomlError) return undefined;
    throw error;
  }
}
