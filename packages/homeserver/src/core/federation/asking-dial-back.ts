/** Asks a few connected servers that linked us to dial us where our record says: each answers for itself. [L25] */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { dialBackAskedMax } from "../limits.ts";
import type { DialBackReport } from "../seams.ts";
import type { Directories } from "./directories.ts";
import type { Links } from "./links.ts";
import type { Queries } from "./queries.ts";
import type { ServerRecords } from "./records.ts";

export interface AskingDialBackPorts {
  links: Pick<Links, "all">;
  directories: Pick<Directories, "connected">;
  queries: Pick<Queries, "dialBack">;
  records: Pick<ServerRecords, "get">;
}

/** @param addresses of our record; none: nobody is asked */
export async function askDialBack(
  { links, directories, queries, records }: AskingDialBackPorts,
  addresses: ServerAddress[],
): Promise<DialBackReport[]> {
  if (addresses.length === 0) return [];
  const linked = [...links.all()].filter((link) => link.connected && link.row.linkedByThem);
  const neighbours = new Map(
    [...directories.connected(), ...linked].map((neighbour): [ServerId, typeof neighbour] => [
      neighbour.server,
      neighbour,
    ]),
  );
  return Promise.all(
    [...neighbours.values()].slice(0, dialBackAskedMax).map(async (neighbour) => {
      const { server } = neighbour;
      const name = records.get(server)?.name ?? "";
      try {
        return { server, name, results: await queries.dialBack(neighbour, addresses) };
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        return { server, name, results: [], error };
      }
    }),
  );
}
