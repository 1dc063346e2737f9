/** The connection to the homeserver as most parts of the engine need it. */
import type { HomeserverClient } from "./homeserver-client.ts";

/** Requests reject with `ProtocolError`: `unreachable` while there is no session. */
export type Homeserver = Pick<HomeserverClient, "request" | "state" | "removed">;
