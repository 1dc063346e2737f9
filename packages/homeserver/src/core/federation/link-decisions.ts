/**
 * What people decide about servers: to link, rename, unlink or block them. Invariants: a decision is on disk before it
 * is told; no directory links what a person unlinked; what cannot be linked leaves everything as it was. [L14] [L15]
 * [L19] [D4]
 */
import type { Clock, LinkView, RelayHint, ServerAddress, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { linkAnswerMs } from "../limits.ts";
import type { Log } from "../log.ts";
import { within } from "../within.ts";
import type { Declined } from "./declined.ts";
import type { Link } from "./link.ts";
import type { LinkNames } from "./link-names.ts";
import { hasRoom } from "./link-room.ts";
import type { Links } from "./links.ts";
import type { Reaching } from "./reaching.ts";
import type { ServerRecords } from "./records.ts";
import type { ReplacedServers } from "./replaced-servers.ts";

export interface LinkDecisionsPorts {
  self: ServerId;
  clock: Clock;
  log: Log;
  links: Links;
  names: LinkNames;
  records: Pick<ServerRecords, "get">;
  declined: Declined;
  reaching: Pick<Reaching, "tell">;
  /** Which key is nobody's any more. [R9] */
  replaced: Pick<ReplacedServers, "has">;
}

export class LinkDecisions {
  readonly #ports: LinkDecisionsPorts;

  constructor(ports: LinkDecisionsPorts) {
    this.#ports = ports;
  }

  /**
   * Answers within `linkAnswerMs`; an attempt that takes longer goes on, and a link's events tell its end. [L14]
   * @param relays where it may be reached if nobody can dial it
   */
  async add(
    server: ServerId,
    addresses: ServerAddress[],
    localName: string | undefined,
    relays: RelayHint[] = [],
  ): Promise<LinkView> {
    const { links, names, records, declined, reaching, clock } = this.#ports;
    const held = links.get(server);
    this.#assertOther(server);
    if (held?.row.blocked === true)
      throw new ProtocolError("not-allowed", "This server is blocked here. Unblock it first.");
    names.assertFree(server, localName ?? held?.row.localName ?? records.get(server)?.name);
    if (held?.row.linkedByUs !== true && !hasRoom(links.all(), "person"))
      throw new ProtocolError("quota-exceeded");
    const link = links.of(server);
    const before = link.row;
    await links.change(link, {
      linkedByUs: true,
      origin: "person",
      localName: localName ?? before.localName,
      addresses: mergedAddresses(addresses, before.addresses),
      ...(before.linkedByUs ? {} : { linkedAt: clock.now() }),
    });
    links.store(declined.set(server, false));
    link.forgive();
    reaching.tell(server, relays);
    const failure = await within(clock, linkAnswerMs, link.attemptAfresh());
    if (failure !== undefined && refusesNewLink(failure) && !before.linkedByUs) {
      const { linkedByUs, origin, localName: oldName, addresses: oldAddresses } = before;
      await links.change(link, { linkedByUs, origin, localName: oldName, addresses: oldAddresses });
      link.forgive();
      // Nobody tries this again but a person, whom the code's own word on that serves.
      throw new ProtocolError(failure.code, failure.message, { cause: failure });
    }
    return this.#viewOf(link);
  }

  async linkBack(server: ServerId): Promise<LinkView> {
    const link = this.#ports.links.known(server);
    const isPersons = link.row.linkedByUs && link.row.origin === "person";
    return isPersons ? this.#viewOf(link) : this.add(server, [], undefined);
  }

  /**
   * A directory announced this server: it is linked in the background, unless a person decided about it. What is sent
   * there meanwhile waits in the outbox. [D4]
   */
  announced(server: ServerId): void {
    this.#linkAnnounced(server).catch((error: unknown) =>
      this.#ports.log.info("an announced server was not linked", { server, error: String(error) }),
    );
  }

  async remove(server: ServerId): Promise<void> {
    const { links, declined } = this.#ports;
    const link = links.known(server);
    links.store(declined.set(server, true));
    await links.change(link, { linkedByUs: false, localName: undefined });
  }

  async block(server: ServerId): Promise<LinkView> {
    this.#assertOther(server);
    const { links } = this.#ports;
    const link = links.of(server);
    await links.change(link, { blocked: true });
    link.disconnect("blocked");
    link.forgive();
    return this.#viewOf(link);
  }

  async unblock(server: ServerId): Promise<LinkView> {
    const { links } = this.#ports;
    const link = links.known(server);
    const before = this.#viewOf(link);
    await links.change(link, { blocked: false });
    link.ensure();
    return links.view(link) ?? { ...before, trust: "incoming" };
  }

  async rename(server: ServerId, localName: string | undefined): Promise<LinkView> {
    const { links, names, records } = this.#ports;
    const link = links.known(server);
    if (link.row.linkedByUs) names.assertFree(server, localName ?? records.get(server)?.name);
    await links.change(link, { localName });
    if (link.error?.code === "name-taken") this.retry(server);
    return this.#viewOf(link);
  }

  /**
   * Where people say that a linked server is, in place of what they said before; what its own record says stays.
   * Answers as `add`. [L14]
   */
  async setAddresses(server: ServerId, addresses: ServerAddress[]): Promise<LinkView> {
    const { links, records, clock } = this.#ports;
    const link = links.known(server);
    if (!link.row.linkedByUs) throw new ProtocolError("not-allowed", "This server is not linked from here.");
    const recorded = records.get(server)?.addresses ?? [];
    if (addresses.length + recorded.length === 0)
      throw new ProtocolError("not-allowed", "No other address of this server is known.");
    await links.change(link, { addresses: mergedAddresses(addresses, []) });
    if (link.connected) link.addressesChanged();
    else {
      link.forgive();
      await within(clock, linkAnswerMs, link.attemptAfresh());
    }
    return this.#viewOf(link);
  }

  retry(server: ServerId): void {
    const link = this.#ports.links.get(server);
    if (link === undefined || link.row.blocked || link.connected) return;
    link.forgive();
    void link.attempt();
  }

  async #linkAnnounced(server: ServerId): Promise<void> {
    const { self, clock, links, declined, replaced } = this.#ports;
    const held = links.get(server);
    if (replaced.has(server)) return;
    const decided = held?.row.linkedByUs === true || held?.row.blocked === true || declined.has(server);
    if (decided || server === self || links.closed) return;
    if (!hasRoom(links.all(), "directory")) throw new ProtocolError("quota-exceeded");
    const link = links.of(server);
    await links.change(link, { linkedByUs: true, origin: "directory", linkedAt: clock.now() });
    link.ensure();
  }

  #assertOther(server: ServerId): void {
    if (this.#ports.replaced.has(server)) throw new ProtocolError("server-key-replaced");
    if (server === this.#ports.self) throw new ProtocolError("not-allowed", "This is the server itself.");
  }

  #viewOf(link: Link): LinkView {
    const view = this.#ports.links.view(link);
    if (view === undefined) throw new ProtocolError("unknown-server");
    return view;
  }
}

/** What ends a new link instead of being tried again. */
function refusesNewLink(error: ProtocolError): boolean {
  return error.code === "name-taken" || error.code === "wrong-server-key";
}

/** What was told last comes first; 16 are kept, as many as a view shows. */
export function mergedAddresses(told: ServerAddress[], before: ServerAddress[]): ServerAddress[] {
  const byPlace = new Map(
    [...told, ...before].map((address) => [`${address.host} ${address.port}`, address]),
  );
  return [...byPlace.values()].slice(0, 16);
}
