/**
 * All links, in memory and on disk. Invariants: a change is on disk before it is told, and undone where it cannot be
 * stored; of a server that nobody links, dials or is connected with nothing is kept. [L13] [L20]
 */
import type { Clock, LinkView, RandomSource, ServerId, UnlinkedView } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { LinkRow, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { unlinkedShownMax } from "../limits.ts";
import type { Log } from "../log.ts";
import type { LocalAccounts, Trust } from "../seams.ts";
import type { LinkListener, LinkPorts } from "./link.ts";
import { Link } from "./link.ts";
import { LinkEvents, linkView, unlinkedView } from "./link-view.ts";
import type { ServerRecords } from "./records.ts";
import type { ReplacedServers } from "./replaced-servers.ts";

export interface LinksListener extends Omit<LinkListener, "changed"> {
  trustChanged(link: Link, before: Trust): void;
  /** A person decided about a mutual link that a directory had brought about. */
  personal(link: Link): void;
  /** Nothing is known of this server any more. */
  forgotten(server: ServerId): void;
}

export interface LinksPorts {
  self: ServerId;
  clock: Clock;
  random: RandomSource;
  commit: Pick<GroupCommit, "add">;
  accounts: Pick<LocalAccounts, "notify">;
  log: Log;
  records: Pick<ServerRecords, "get" | "known" | "storing" | "release">;
  listener: LinksListener;
  dial: LinkPorts["dial"];
  queueDepth: (server: ServerId) => number;
  /** Whether this name is a domain that has confirmed this server. [N4] */
  nameProved: (server: ServerId, name: string) => boolean;
  /** Something waits for a server without a link, or is asked of it, or passes it. [C11] */
  used: (server: ServerId) => boolean;
  /** Which key is nobody's any more, and which ones a server had before. [R9] */
  replaced: Pick<ReplacedServers, "has" | "lastOf">;
}

export class Links {
  readonly #ports: LinksPorts;
  readonly #links = new Map<ServerId, Link>();
  readonly #events: LinkEvents;
  #closed = false;

  constructor(ports: LinksPorts) {
    this.#ports = ports;
    this.#events = new LinkEvents(ports.clock, ports.accounts, (server) => {
      const link = this.#links.get(server);
      return link && this.view(link);
    });
  }

  /** Takes up the links that the store held. */
  restore(rows: readonly LinkRow[]): void {
    for (const row of rows) this.#create(row, true);
  }

  start(): void {
    for (const link of this.#links.values()) link.ensure();
  }

  /** Says goodbye on every connection and dials no more. */
  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.stop("closing");
  }

  get closed(): boolean {
    return this.#closed;
  }

  woke(): void {
    for (const link of this.#links.values()) link.woke();
  }

  has(server: ServerId): boolean {
    return this.#links.has(server);
  }

  get(server: ServerId): Link | undefined {
    return this.#links.get(server);
  }

  /** The link to this server; where there is none one is begun, of which nothing is stored yet. */
  of(server: ServerId): Link {
    return this.#links.get(server) ?? this.#create(newRow(server, this.#ports.clock.now()), false);
  }

  /** The link to a server that links us or that we link or block. Throws `unknown-server`. */
  known(server: ServerId): Link {
    const link = this.#links.get(server);
    if (link === undefined || link.trust === "none") throw new ProtocolError("unknown-server");
    return link;
  }

  all(): IterableIterator<Link> {
    return this.#links.values();
  }

  /** Undefined for a server with which there is no link in either direction. */
  view(link: Link): LinkView | undefined {
    const { records, queueDepth, nameProved, replaced } = this.#ports;
    const record = records.get(link.server);
    const proved = record !== undefined && nameProved(link.server, record.name);
    return linkView(link, record, queueDepth(link.server), proved, replaced.lastOf(link.server));
  }

  views(): LinkView[] {
    return [...this.#links.values()].flatMap((link) => this.view(link) ?? []);
  }

  /** Of these servers those that are linked in neither direction. [C11] */
  unlinkedViews(servers: Iterable<ServerId>): UnlinkedView[] {
    const { self, records } = this.#ports;
    return [...servers]
      .filter((server) => server !== self && (this.#links.get(server)?.trust ?? "none") === "none")
      .slice(0, unlinkedShownMax)
      .map((server) => unlinkedView(server, this.#links.get(server), records.get(server)));
  }

  /** Something that a view of this link shows is different. */
  changed(server: ServerId): void {
    this.#events.changed(server);
  }

  /**
   * Changes a link at once in memory and on disk, tells the peer and everybody here; undone where it cannot be stored.
   * Rejects with `storage-full`.
   */
  async change(link: Link, patch: Partial<LinkRow>): Promise<void> {
    const { commit, listener } = this.#ports;
    const before = link.row;
    const trustBefore = link.trust;
    const wantedBefore = link.wanted;
    link.row = { ...before, ...patch };
    const ops = this.#storing(link);
    const storedBefore = link.stored;
    link.stored = link.trust !== "none";
    try {
      if (ops.length > 0) await commit.add(ops);
    } catch (error) {
      const undo = Object.fromEntries(Object.keys(patch).map((key) => [key, before[key as keyof LinkRow]]));
      link.row = { ...link.row, ...(undo as Partial<LinkRow>) };
      link.stored = storedBefore;
      this.dropIfForgotten(link);
      throw error instanceof StoreFullError
        ? new ProtocolError("storage-full", undefined, { cause: error })
        : error;
    }
    if (link.row.linkedByUs !== before.linkedByUs) link.sendTrust();
    if (wantedBefore && !link.wanted) link.rest();
    if (link.trust !== trustBefore) listener.trustChanged(link, trustBefore);
    else if (link.trust === "mutual" && link.origin !== before.origin) listener.personal(link);
    if (link.trust !== "none") this.#events.changed(link.server);
    else if (storedBefore) this.#events.removed(link.server);
    if (!link.wanted && link.trust === "none" && before.linkedByUs) link.disconnect("closing");
    this.dropIfForgotten(link);
  }

  /**
   * A server has another key: what was decided about the former one counts for that, and the former one has no connection
   * and no place any more. Rejects where it could not be stored; then it can be done again. [R9]
   */
  async succeed(former: ServerId, successor: ServerId): Promise<void> {
    const from = this.#links.get(former);
    if (from === undefined || successor === this.#ports.self) return;
    const to = this.of(successor);
    const { linkedByUs, linkedByThem, blocked, localName, origin, addresses, linkedAt } = from.row;
    const moved = this.change(to, {
      linkedByUs: linkedByUs || to.row.linkedByUs,
      linkedByThem: linkedByThem || to.row.linkedByThem,
      blocked: blocked || to.row.blocked,
      localName: to.row.localName ?? localName,
      origin: linkedByUs && !to.row.linkedByUs ? origin : to.row.origin,
      addresses: to.row.addresses.length > 0 ? to.row.addresses : addresses,
      linkedAt: Math.min(linkedAt, to.row.linkedAt),
    });
    const left = this.change(from, { linkedByUs: false, linkedByThem: false, blocked: false });
    from.disconnect("closing");
    this.dropIfForgotten(from);
    to.ensure();
    await Promise.all([moved, left]);
  }

  /** The newest record of a server that is stored, heard of, or needed after a restart. */
  storeRecord(link: Link): void {
    const { records, used } = this.#ports;
    const heard = records.known(link.server)?.heardFrom !== undefined;
    if (link.stored || heard || used(link.server)) this.store(records.storing(link.server));
  }

  /** Writes what may be lost: nobody waits for it. */
  store(ops: WriteOp[]): void {
    if (ops.length === 0) return;
    const { commit, log } = this.#ports;
    commit
      .add(ops)
      .catch((error: unknown) => log.warn("a server record was not stored", { error: String(error) }));
  }

  dropIfForgotten(link: Link): void {
    if (link.stored || link.trust !== "none" || link.connection !== undefined || link.wanted) return;
    if (this.#links.get(link.server) !== link) return;
    link.stop("closing");
    this.#links.delete(link.server);
    this.#ports.listener.forgotten(link.server);
    this.store(this.#ports.records.release(link.server));
  }

  #create(row: LinkRow, stored: boolean): Link {
    const { self, clock, random, dial, queueDepth, used, listener, replaced } = this.#ports;
    const link = new Link(row, stored, {
      ...{ self, clock, random, dial },
      isReplaced: () => replaced.has(row.server),
      needed: ({ row: { linkedByThem }, server }) => (linkedByThem && queueDepth(server) > 0) || used(server),
      listener: {
        opened: listener.opened,
        bundle: listener.bundle,
        batchEnd: listener.batchEnd,
        control: listener.control,
        piece: listener.piece,
        closed: (closed, connection) => {
          listener.closed(closed, connection);
          this.dropIfForgotten(closed);
        },
        failed: listener.failed,
        changed: ({ server }) => this.#events.changed(server),
      },
    });
    this.#links.set(row.server, link);
    return link;
  }

  #storing({ server, stored, trust, row }: Link): WriteOp[] {
    if (trust === "none") return stored ? [{ op: "link.delete", server }] : [];
    return [{ op: "link.put", row }, ...(stored ? [] : this.#ports.records.storing(server))];
  }
}

function newRow(server: ServerId, now: number): LinkRow {
  return {
    server,
    linkedByUs: false,
    linkedByThem: false,
    blocked: false,
    localName: undefined,
    origin: "person",
    addresses: [],
    linkedAt: now,
    lastContactAt: undefined,
  };
}
