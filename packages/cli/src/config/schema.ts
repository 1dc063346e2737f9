/**
 * Every setting: its key in `fedchat.toml`, what it may be, what holds when nobody says anything, and one line about
 * it. The key gives the environment variable (`screen.port` is FEDCHAT_SCREEN_PORT) and the flag where there is one.
 */
import type { ServerId } from "@fedchat/protocol";
import { serverId, serverNamePattern } from "@fedchat/protocol";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { parseAddress } from "./text-forms.ts";

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

const shape = {
  data: z.string().min(1).describe("folder that holds everything to back up"),
  name: z
    .string()
    .regex(serverNamePattern, "must be a label such as bob, or a domain such as chat.example.com")
    .optional()
    .describe("what this homeserver calls itself"),
  host: z.string().min(1).describe("address that the homeserver listens on"),
  port: port.describe("the homeserver's port; the next free one when this default is taken"),
  addresses: z
    .array(address)
    .max(16)
    .describe('where others reach this homeserver: ["chat.example.com:443 proxy"]; found out when empty'),
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
  registration: oneOf(["closed", "token", "open"]).describe("who may open an account here"),
  "tls.cert": z.string().min(1).optional().describe("certificate file (PEM); made by itself when absent"),
  "tls.key": z.string().min(1).optional().describe("its private key (PEM)"),
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
    accept: "ask",
    listed: [],
    registration: "closed",
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

/** Reads text of a variable or flag as the key's type; leaves it as it is where it does not fit: the schema says why. */
export function fromText(key: ConfigKey, text: string): unknown {
  if (key === "port" || key === "screen.port") return /^\d+$/.test(text) ? Number(text) : text;
  if (key === "screen.open") return text === "true" ? true : text === "false" ? false : text;
  if (key !== "addresses" && key !== "listed") return text;
  const items = text.split(",").map((item) => item.trim());
  return items.filter((item) => item !== "");
}
