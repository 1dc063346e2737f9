/**
 * How people here find somebody of another server: in the lists that linked servers told, in directories, or by asking
 * that person's own server. What a list told is used while the server itself cannot be asked. [L22] [L24] [D6]
 */
import type { AccountId, KeyPackageClaim, PersonView, ServerId } from "@fedchat/protocol";
import type { Whereabouts } from "../seams.ts";
import type { Directories } from "./directories.ts";
import type { Links } from "./links.ts";
import type { PeopleBeyond } from "./people-beyond.ts";
import type { People } from "./people.ts";
import { searchForm } from "./person-search.ts";
import type { Queries } from "./queries.ts";
import type { UnlinkedServers } from "./unlinked-servers.ts";

export interface LookingUpPorts {
  links: Pick<Links, "get">;
  unlinked: Pick<UnlinkedServers, "asking">;
  people: Pick<People, "list" | "search" | "record">;
  beyond: Pick<PeopleBeyond, "list" | "search" | "record">;
  directories: Pick<Directories, "search">;
  queries: Pick<Queries, "lookup" | "keyPackage">;
}

export class LookingUp {
  readonly #ports: LookingUpPorts;

  constructor(ports: LookingUpPorts) {
    this.#ports = ports;
  }

  /** Everybody who is listed; with `refresh` linked servers are asked anew first (bounded wait). */
  async people(refresh: boolean): Promise<PersonView[]> {
    const { people, beyond } = this.#ports;
    return [...(await people.list(refresh)), ...beyond.list()];
  }

  async search(text: string): Promise<PersonView[]> {
    const { people, beyond, directories } = this.#ports;
    const form = searchForm(text);
    const [further, found] = await Promise.all([beyond.search(form), directories.search(text)]);
    return [...people.search(form), ...further, ...found];
  }

  /** Signed record of an account; undefined where its server knows none. Rejects as `UnlinkedServers.asking`. */
  async record(server: ServerId, account: AccountId, invited?: Whereabouts): Promise<Uint8Array | undefined> {
    const { links, unlinked, people, beyond, queries } = this.#ports;
    const link = links.get(server);
    const shown = beyond.record(server, account);
    if (shown !== undefined && !link?.connected) return shown;
    const known = link?.connected === false ? people.record(link, account) : undefined;
    return known ?? unlinked.asking(server, (open) => queries.lookup(open, account), invited);
  }

  async keyPackage(server: ServerId, claim: KeyPackageClaim): Promise<Uint8Array | undefined> {
    const { unlinked, queries } = this.#ports;
    return unlinked.asking(server, (open) => queries.keyPackage(open, claim));
  }
}
