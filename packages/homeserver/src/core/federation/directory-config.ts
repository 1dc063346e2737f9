/** Which directories a homeserver registers with, as configured. [D2] */
import type { ServerAddress, ServerId } from "@fedchat/protocol";

/** Where a directory is. */
export interface DirectoryPlace {
  address: ServerAddress;
  /** Undefined: whoever answers there first is it, from then on. */
  server: ServerId | undefined;
}

export interface DirectoriesConfig {
  places: readonly DirectoryPlace[];
  /** What a directory that is not open wants to see. */
  token: Uint8Array | undefined;
  /** The signed record that is served at an address; TLS certificates say nothing. Rejects with `ProtocolError`. */
  identify: (address: ServerAddress) => Promise<Uint8Array>;
}
