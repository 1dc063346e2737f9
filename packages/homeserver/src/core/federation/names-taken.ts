/**
 * One name, one key. A name is taken by a server that somebody here linked: by its local name, else by the name that
 * its record claims, and by our own. A server that nobody linked takes none: it is shown with a piece of its key. [L15]
 */
import type { ServerId } from "@fedchat/protocol";
import { fingerprint, ProtocolError } from "@fedchat/protocol";
import type { LinkRow } from "../../store/store.ts";

export interface Named {
  row: LinkRow;
  /** What its record claims; undefined before the first contact. */
  name: string | undefined;
}

export interface OurName {
  server: ServerId;
  name: string;
}

/** The error with both fingerprints where `server` may not take `name`; undefined where it may. */
export function nameTaken(
  server: ServerId,
  name: string,
  linked: Iterable<Named>,
  own: OurName,
): ProtocolError | undefined {
  const wanted = name.toLowerCase();
  const holder =
    own.name.toLowerCase() === wanted
      ? own.server
      : [...linked]
          .filter(({ row }) => row.linkedByUs && row.server !== server)
          .find((other) => (other.row.localName ?? other.name)?.toLowerCase() === wanted)?.row.server;
  if (holder === undefined || holder === server) return undefined;
  // Both fingerprints first: details are cut to what fits a wire error.
  return new ProtocolError(
    "name-taken",
    `Known here: ${fingerprint(holder)}; this one: ${fingerprint(server)} (${name})`,
  );
}
