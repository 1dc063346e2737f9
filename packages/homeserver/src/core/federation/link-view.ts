/** A link as screens see it, and telling them of changes: the first at once, then at most every so often. */
import type { Clock, LinkView, ServerId, ServerRecord, UnlinkedView } from "@fedchat/protocol";
import { toWireError } from "@fedchat/protocol";
import { linkEventEveryMs } from "../limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";

/** Undefined for a server with which there is no link in either direction. */
export function linkView(
  link: Link,
  record: ServerRecord | undefined,
  queueDepth: number,
  nameProved: boolean,
  replaced: LinkView["replaced"],
): LinkView | undefined {
  const { row, trust, connection } = link;
  if (trust === "none") return undefined;
  return {
    server: link.server,
    name: record?.name ?? "",
    ...(nameProved ? { nameProved } : {}),
    localName: row.localName ?? null,
    trust,
    state: link.state,
    error: link.error === undefined ? null : toWireError(link.error),
    nextTryAt: link.nextTryAt ?? null,
    addresses: link.addresses(record?.addresses ?? []).slice(0, 16),
    ...(row.addresses.length === 0 ? {} : { told: row.addresses }),
    roundTripMs: connection?.roundTripMs ?? null,
    queueDepth,
    lastContactAt: connection?.heardAt ?? row.lastContactAt ?? null,
    linkedAt: row.linkedAt,
    software: record?.software ?? "",
    via: [...link.via],
    origin: row.origin,
    relaysFor: record?.relaysFor ?? "nobody",
    ...(replaced === undefined ? {} : { replaced }),
  };
}

/**
 * A server without a link; it may have no connection either, and then nothing but its record is known. Any account has
 * itself told of any server: how much others sent there, and when, is not said. [C11]
 */
export function unlinkedView(
  server: ServerId,
  link: Link | undefined,
  record: ServerRecord | undefined,
): UnlinkedView {
  const connection = link?.connection;
  return {
    server,
    name: record?.name ?? "",
    state: link?.state ?? "off",
    error: link?.error === undefined ? null : toWireError(link.error),
    nextTryAt: link?.nextTryAt ?? null,
    addresses: (link?.addresses(record?.addresses ?? []) ?? record?.addresses ?? []).slice(0, 16),
    roundTripMs: connection?.roundTripMs ?? null,
    via: [...(link?.via ?? [])],
    relaysFor: record?.relaysFor ?? "nobody",
  };
}

export class LinkEvents {
  readonly #clock: Clock;
  readonly #accounts: Pick<LocalAccounts, "notify">;
  readonly #view: (server: ServerId) => LinkView | undefined;
  /** Servers of which something was told a moment ago: true where there is more to tell. */
  readonly #recent = new Map<ServerId, boolean>();

  constructor(
    clock: Clock,
    accounts: Pick<LocalAccounts, "notify">,
    view: (server: ServerId) => LinkView | undefined,
  ) {
    this.#clock = clock;
    this.#accounts = accounts;
    this.#view = view;
  }

  changed(server: ServerId): void {
    if (this.#recent.has(server)) {
      this.#recent.set(server, true);
      return;
    }
    this.#recent.set(server, false);
    this.#clock.soon(() => this.#tell(server));
  }

  removed(server: ServerId): void {
    this.#accounts.notify("everybody", { kind: "linkRemoved", server });
  }

  #tell(server: ServerId): void {
    this.#recent.set(server, false);
    const link = this.#view(server);
    if (link !== undefined) this.#accounts.notify("everybody", { kind: "link", link });
    this.#clock.after(linkEventEveryMs, () => {
      if (this.#recent.get(server) === true) this.#tell(server);
      else this.#recent.delete(server);
    });
  }
}
