/** What a running program answers about itself, beside the engine's methods, on its control socket only. */
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
  addresses: z.array(z.object({ host: z.string(), port: z.int(), kind: z.string() })),
  /** Of the local screen; null without one. */
  screen: z.string().nullable(),
  /** Whether an engine runs here; a homeserver alone has none. */
  engine: z.boolean(),
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
}
