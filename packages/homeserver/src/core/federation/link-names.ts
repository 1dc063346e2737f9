/**
 * What servers may be called here. Invariant: a name belongs to one linked server; whoever would take another's is told
 * no before anything is kept of it. [L15]
 */
import type { ProtocolError, ServerId } from "@fedchat/protocol";
import type { Link } from "./link.ts";
import type { Links } from "./links.ts";
import type { OurName } from "./names-taken.ts";
import { nameTaken } from "./names-taken.ts";
import type { ServerRecords } from "./records.ts";

export interface LinkNamesPorts {
  links: Pick<Links, "all" | "get">;
  records: Pick<ServerRecords, "get">;
  ours: () => OurName;
}

export class LinkNames {
  readonly #ports: LinkNamesPorts;

  constructor(ports: LinkNamesPorts) {
    this.#ports = ports;
  }

  /** Why a linked server cannot have this name; undefined where it can. */
  fault(server: ServerId, name: string | undefined): ProtocolError | undefined {
    if (name === undefined) return undefined;
    const { links, records, ours } = this.#ports;
    const linked = [...links.all()]
      .filter(({ row }) => row.origin === "person")
      .map(({ row }) => ({ row, name: records.get(row.server)?.name }));
    return nameTaken(server, name, linked, ours());
  }

  /** Throws `name-taken`. */
  assertFree(server: ServerId, name: string | undefined): void {
    const fault = this.fault(server, name);
    if (fault !== undefined) throw fault;
  }

  /** Throws `name-taken` where a linked server would now be shown by a name that another has. */
  mayTake(link: Link, name: string): void {
    if (isShownByRecord(link)) this.assertFree(link.server, name);
  }

  /** Whether a server may be called so: a linked one not by a name that another has. */
  mayBeCalled(server: ServerId, name: string): boolean {
    const link = this.#ports.links.get(server);
    return link === undefined || !isShownByRecord(link) || this.fault(server, name) === undefined;
  }
}

/** Whether its record's name is what people here know it by. */
function isShownByRecord({ row }: Link): boolean {
  return row.linkedByUs && row.localName === undefined && row.origin !== "directory";
}
