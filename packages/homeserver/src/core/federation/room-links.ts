/**
 * How rooms' logs pass between servers: entries go out in streams like envelopes, also to servers without a link, and a
 * room's hub is asked wherever it is. [O4] [O5] [C11]
 */
import type { RoomQuery, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { RoomLinks } from "../seams.ts";
import type { Outbox } from "./outbox.ts";
import type { Queries } from "./queries.ts";
import type { UnlinkedServers } from "./unlinked-servers.ts";

export interface RoomLinksPorts {
  outbox: Pick<Outbox, "stream" | "tell" | "untell">;
  /** Somebody here writes to it. Throws `ProtocolError`. */
  reach: (server: ServerId) => void;
  unlinked: Pick<UnlinkedServers, "asking">;
  queries: Pick<Queries, "room">;
}

export function roomLinks({ outbox, reach, unlinked, queries }: RoomLinksPorts): RoomLinks {
  /** One to which there are too many servers to go now is gone to later; what waits for it is kept. */
  function canBeTold(server: ServerId): boolean {
    try {
      reach(server);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return error.code !== "blocked" && error.code !== "unknown-server";
    }
  }

  return {
    async reachable(servers) {
      const told = servers.filter(canBeTold);
      await Promise.all(told.map((server) => outbox.stream(server, "messages").kept.ready()));
      return told;
    },
    tell(servers, entry) {
      for (const server of servers) outbox.tell(server, entry);
      return () => {
        for (const server of servers) outbox.untell(server, entry);
      };
    },
    ask: (hub: ServerId, query: RoomQuery) => unlinked.asking(hub, (link) => queries.room(link, query)),
  };
}
