/** What the engine's core takes from the outside world. */
import type { Clock, Primitives, RandomSource } from "@fedchat/protocol";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Log } from "./log.ts";

export interface EnginePorts {
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  log: Log;
}

/** The connection to the homeserver as most parts need it. Rejects with `ProtocolError`. */
export type Homeserver = Pick<HomeserverClient, "request" | "state">;
