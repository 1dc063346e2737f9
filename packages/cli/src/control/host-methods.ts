/** What a running program answers about itself, beside the engine's methods, on its control socket only. */
import { Directory } from "@fedchat/engine/interface";
import type { Examination } from "@fedchat/protocol";
import { z } from "zod";

export const hostInfo = z.object({
  version: z.string(),
  pid: z.int(),
  data: z.string(),
  log: z.string(),
  startedAt: z.int(),
  serverId: z.string(),
  name: z.string(),
  host: z.string(),
  port: z.int(),
  addresses: z.array(z.object({ host: z.string(), port: z.int(), kind: z.enum(["direct", "proxy", "lan"]) })),
  /** Of the local screen; null without one. */
  screen: z.string().nullable(),
  /** Whether an engine runs here; a homeserver alone has none. */
  engine: z.boolean(),
  /** Whether the homeserver runs on another machine: then this is a client alone. */
  elsewhere: z.boolean().optional(),
  /** What the homeserver's port shows; absent where a program of another version answers. */
  certificate: z
    .object({
      kind: z.enum(["self-signed", "own", "acme"]),
      names: z.array(z.string()),
      validUntil: z.int(),
      problem: z.object({ sentence: z.string(), fix: z.string(), nextTryAt: z.int().nullable() }).nullable(),
    })
    .optional(),
  /** Servers in the local network; absent where a program of another version answers. */
  nearby: z
    .object({
      mode: z.enum(["announce", "look", "off"]),
      problem: z.string().nullable(),
      found: z.int(),
    })
    .optional(),
  /** What the router was asked and said; absent where a program of another version answers. */
  portMapping: z
    .discriminatedUnion("state", [
      z.object({ state: z.enum(["off", "asking"]) }),
      z.object({
        state: z.literal("mapped"),
        way: z.string(),
        address: z.object({ host: z.string(), port: z.int() }),
      }),
      z.object({ state: z.literal("failed"), problem: z.string(), fix: z.string() }),
    ])
    .optional(),
  /** Those that this homeserver registers with; absent where a program of another version answers. */
  directories: z.array(Directory).optional(),
  /** Where a directory runs here in place of a homeserver. */
  directory: z
    .object({
      /** Whether only those register that know a token. */
      token: z.boolean(),
      connected: z.int(),
      servers: z.int(),
      people: z.int(),
    })
    .optional(),
});
export type HostInfo = z.infer<typeof hostInfo>;

/** A new one-time way into the screen. */
export const hostOpen = z.object({ path: z.string(), code: z.string(), address: z.string() });
export type HostOpen = z.infer<typeof hostOpen>;

/** The running program. */
export interface Host {
  info(): HostInfo;
  /** Undefined where there is no screen. */
  open(): HostOpen | undefined;
  /** What the doctor found so far; begins where nothing was looked at yet, or `again`. Absent: there is no homeserver here. */
  examine?(again: boolean): Examination;
}
