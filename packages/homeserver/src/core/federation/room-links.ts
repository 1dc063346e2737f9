/**
 * How rooms' logs pass between servers: entries go out in streams like envelopes, also to servers without a link, and a
 * room's hub is asked wherever it is. [O4] [O5] [C11]
 */
import type { Primitives, RoomId, RoomQuery, ServerId, ServerRecord } from "@fedchat/protocol";
import { ProtocolError, serverRecord } from "@fedchat/protocol";
import { roomServersAskedAtOnce } from "../limits.ts";
import type { RoomLinks } from "../seams.ts";
import type { Directories } from "./directories.ts";
import type { Links } from "./links.ts";
import type { Outbox } from "./outbox.ts";
import type { Link } from "./link.ts";
import type { Queries } from "./queries.ts";
import type { ServerRecords } from "./records.ts";
import type { ReplacedServers } from "./replaced-servers.ts";
import type { UnlinkedServers } from "./unlinked-servers.ts";

export interface RoomLinksPorts {
  outbox: Pick<Outbox, "stream" | "tell" | "untell">;
  /** Somebody here writes to it. Throws `ProtocolError`. */
  reach: (server: ServerId) => void;
  unlinked: Pick<UnlinkedServers, "asking">;
  queries: Pick<Queries, "room" | "listedRooms">;
  directories: Pick<Directories, "lobbies">;
  links: Pick<Links, "all" | "get">;
  records: Pick<ServerRecords, "get" | "signed">;
  replaced: Pick<ReplacedServers, "heir" | "formersOf">;
  primitives: Primitives;
  self: ServerId;
  /** A verified record that a room's hub told. */
  heard: (hub: Link, record: ServerRecord, signed: Uint8Array) => void;
}

export function roomLinks(ports: RoomLinksPorts): RoomLinks {
  const { outbox, reach, unlinked, queries, links, records, primitives, self, heard, replaced } = ports;

  /** Of two servers of a room that never met each asks its hub where the other is. */
  async function learn(hub: ServerId, room: RoomId, server: ServerId): Promise<void> {
    try {
      const signed = await unlinked.asking(hub, (link) =>
        queries.room(link, { ask: "roomServer", room, server }),
      );
      const record = serverRecord.open(primitives, signed);
      const link = links.get(hub);
      if (record.key === server && link !== undefined) heard(link, record, signed.slice());
    } catch (error) {
      // It is asked again with the next entry, and now and then.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

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
    heir: (server) => replaced.heir(server),
    formersOf: (server) => replaced.formersOf(server),
    async meet(hub, room, listed) {
      const servers = listed.map((server) => replaced.heir(server));
      const unknown = servers.filter(
        (server) => server !== self && records.get(server) === undefined && links.get(server) === undefined,
      );
      for (let at = 0; at < unknown.length; at += roomServersAskedAtOnce) {
        const some = unknown.slice(at, at + roomServersAskedAtOnce);
        await Promise.all(some.map((server) => learn(hub, room, server)));
      }
    },
    record: (server) => records.signed(server),
    async listed() {
      const asked = [...links.all()].filter((link) => link.connected && link.standing === "mutual");
      const answers = await Promise.all(
        asked.map(async (link) => {
          try {
            return [{ server: link.server, answer: await queries.listedRooms(link) }];
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error;
            return [];
          }
        }),
      );
      return answers.flat();
    },
    lobbies: () => ports.directories.lobbies(),
    async ask(hub: ServerId, query: RoomQuery) {
      // It is gone for good, and another server has to go on.
      if (replaced.heir(hub) !== hub) throw new ProtocolError("unreachable");
      return unlinked.asking(hub, (link) => queries.room(link, query));
    },
  };
}
