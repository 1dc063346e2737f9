/**
 * All links: what people decide about servers, what servers say of us, and what is stored of both. Invariants: a
 * decision is on disk before it is told; a name belongs to one linked server; a blocked server stays out; what
 * strangers can make us remember is bounded. [L13] to [L20]
 */
import type { Clock, LinkView, ServerAddress, ServerId } from "@fedchat/protocol";
import { ProtocolError, toWireError } from "@fedchat/protocol";
import type { LinkRow, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import { dialAddressesMax, linkAnswerMs, linkedServersMax, strangersRememberedMax } from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Trust } from "../seams.ts";
import { Connection } from "./connection.ts";
import type { OpenedLink } from "./dial-peer.ts";
import { dialPeer } from "./dial-peer.ts";
import type { LinkListener } from "./link.ts";
import { Link } from "./link.ts";
import { LinkEvents, linkView } from "./link-view.ts";
import { nameTaken } from "./names-taken.ts";
import type { FederationOptions } from "./options.ts";
import { ServerRecords } from "./records.ts";

interface LinksListener extends Pick<LinkListener, "opened" | "control" | "bundle" | "batchEnd" | "closed"> {
  trustChanged(link: Link, before: Trust): void;
  /** Nothing is known of this server any more. */
  forgotten(server: ServerId): void;
}

export interface LinksPorts {
  listener: LinksListener;
  queueDepth: (server: ServerId) => number;
}

export class Links {
  readonly records: ServerRecords;
  readonly #options: FederationOptions;
  readonly #ports: LinksPorts;
  readonly #links = new Map<ServerId, Link>();
  readonly #events: LinkEvents;
  /** Servers whose changed key was already told. */
  readonly #warned = new Set<ServerId>();
  /** Where each server last proved its key to us, since we started. */
  readonly #provedAt = new Map<ServerId, string>();
  /** Connections whose first `trust` was heard. */
  readonly #greeted = new WeakSet<Connection>();
  #closed = false;

  constructor(options: FederationOptions, ports: LinksPorts) {
    this.#options = options;
    this.#ports = ports;
    this.records = new ServerRecords(options.state.records, options.primitives);
    this.#events = new LinkEvents(options.clock, options.accounts, (server) => {
      const link = this.#links.get(server);
      return link && this.#view(link);
    });
    for (const row of options.state.links) this.#create(row, true);
  }

  start(): void {
    for (const link of this.#links.values()) link.ensure();
  }

  /** Says goodbye on every connection and dials no more. */
  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.stop("closing");
  }

  get(server: ServerId): Link | undefined {
    return this.#links.get(server);
  }

  all(): IterableIterator<Link> {
    return this.#links.values();
  }

  views(): LinkView[] {
    return [...this.#links.values()].flatMap((link) => this.#view(link) ?? []);
  }

  changed(server: ServerId): void {
    this.#events.changed(server);
  }

  /** Answers within `linkAnswerMs`; an attempt that takes longer goes on, and a link's events tell its end. [L14] */
  async add(server: ServerId, addresses: ServerAddress[], localName: string | undefined): Promise<LinkView> {
    const held = this.#links.get(server);
    if (server === this.#self) throw new ProtocolError("not-allowed", "This is the server itself.");
    if (held?.row.blocked === true)
      throw new ProtocolError("not-allowed", "This server is blocked here. Unblock it first.");
    const name = localName ?? held?.row.localName ?? this.records.get(server)?.name;
    this.#assertNameFree(server, name);
    if (held?.row.linkedByUs !== true) this.#assertRoom();
    const link = held ?? this.#create(newRow(server, this.#now), false);
    const before = link.row;
    await this.#change(link, {
      linkedByUs: true,
      localName: localName ?? before.localName,
      addresses: mergedAddresses(addresses, before.addresses),
      ...(before.linkedByUs ? {} : { linkedAt: this.#now }),
    });
    link.forgive();
    const failure = await within(this.#options.clock, linkAnswerMs, link.attemptAfresh());
    if (failure !== undefined && refusesNewLink(failure) && !before.linkedByUs) {
      const { linkedByUs, localName: oldName, addresses: oldAddresses } = before;
      await this.#change(link, { linkedByUs, localName: oldName, addresses: oldAddresses });
      link.forgive();
      throw failure;
    }
    return this.#viewOf(link);
  }

  async linkBack(server: ServerId): Promise<LinkView> {
    const link = this.#known(server);
    return link.row.linkedByUs ? this.#viewOf(link) : this.add(server, [], undefined);
  }

  async remove(server: ServerId): Promise<void> {
    await this.#change(this.#known(server), { linkedByUs: false, localName: undefined });
  }

  async block(server: ServerId): Promise<LinkView> {
    if (server === this.#self) throw new ProtocolError("not-allowed", "This is the server itself.");
    const link = this.#links.get(server) ?? this.#create(newRow(server, this.#now), false);
    await this.#change(link, { blocked: true });
    link.disconnect("blocked");
    link.forgive();
    return this.#viewOf(link);
  }

  async unblock(server: ServerId): Promise<LinkView> {
    const link = this.#known(server);
    const before = this.#viewOf(link);
    await this.#change(link, { blocked: false });
    link.ensure();
    return this.#view(link) ?? { ...before, trust: "incoming" };
  }

  async rename(server: ServerId, localName: string | undefined): Promise<LinkView> {
    const link = this.#known(server);
    if (link.row.linkedByUs) this.#assertNameFree(server, localName ?? this.records.get(server)?.name);
    await this.#change(link, { localName });
    if (link.error?.code === "name-taken") this.retry(server);
    return this.#viewOf(link);
  }

  retry(server: ServerId): void {
    const link = this.#links.get(server);
    if (link === undefined || link.row.blocked || link.connected) return;
    link.forgive();
    void link.attempt();
  }

  /** A server that connected, proved. Throws, after telling it, where it may not. [L20] */
  admit(opened: OpenedLink, mayConnect: (link: Link | undefined) => ProtocolError | undefined): void {
    const server = opened.server.record.key;
    const refused = this.#closed ? new ProtocolError("unreachable") : mayConnect(this.#links.get(server));
    if (refused !== undefined) {
      const connection = new Connection(opened, opened.server, false, this.#options.clock);
      connection.close(refused.code);
      throw refused;
    }
    const link = this.#links.get(server) ?? this.#create(newRow(server, this.#now), false);
    try {
      this.#adopt(link, opened, false);
    } finally {
      this.#dropIfForgotten(link);
    }
  }

  /** The peer said whether it has linked us. Saying so again and again counts as a fault. [L13] */
  async peerTrust(link: Link, linked: boolean): Promise<void> {
    const { connection } = link;
    if (connection === undefined) return;
    if (this.#greeted.has(connection)) {
      connection.fault();
      if (linked === link.row.linkedByThem) return;
    }
    this.#greeted.add(connection);
    const linkBack = linked && !link.row.linkedByUs && this.#options.policy.accept === "anyone";
    const mayLink =
      linkBack && this.#nameFault(link.server, this.records.get(link.server)?.name) === undefined;
    if (linked && !link.stored) this.#makeRoomForStranger(link);
    await this.#change(link, {
      linkedByThem: linked,
      lastContactAt: this.#now,
      ...(mayLink ? { linkedByUs: true } : {}),
    }).catch((error: unknown) => this.#options.log.warn("a link was not stored", { error: String(error) }));
  }

  /**
   * A newer record of the peer's. One with another Noise key needs a new handshake to be believed; one with a name that
   * another server has ends the connection. [R5] [R6]
   */
  peerRecord(link: Link, signed: Uint8Array): void {
    const before = this.records.get(link.server);
    try {
      const mayName = (name: string) => this.#mayName(link, name);
      if (!this.records.admitSent(link.server, signed, this.#now, mayName)) return;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "name-taken") throw error;
      return link.disconnect("name-taken");
    }
    this.#storeRecord(link);
    this.changed(link.server);
    const after = this.records.get(link.server);
    if (before === undefined || after === undefined || !sameBytes(before.noiseKey, after.noiseKey)) {
      link.disconnect("closing");
    }
  }

  get #self(): ServerId {
    return this.#options.ownRecord().record.key;
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  #view(link: Link): LinkView | undefined {
    return linkView(link, this.records.get(link.server), this.#ports.queueDepth(link.server));
  }

  #viewOf(link: Link): LinkView {
    const view = this.#view(link);
    if (view === undefined) throw new ProtocolError("unknown-server");
    return view;
  }

  #known(server: ServerId): Link {
    const link = this.#links.get(server);
    if (link === undefined || link.trust === "none") throw new ProtocolError("unknown-server");
    return link;
  }

  #create(row: LinkRow, stored: boolean): Link {
    const { listener } = this.#ports;
    const link = new Link(row, stored, {
      self: this.#self,
      clock: this.#options.clock,
      random: this.#options.random,
      dial: (target) => this.#dial(target),
      backlog: (server) => this.#ports.queueDepth(server) > 0,
      listener: {
        opened: listener.opened,
        bundle: listener.bundle,
        batchEnd: listener.batchEnd,
        control: listener.control,
        closed: (closed) => {
          listener.closed(closed);
          this.#dropIfForgotten(closed);
        },
        failed: (failed, error) => this.#failed(failed, error),
        changed: (changed) => this.#events.changed(changed.server),
      },
    });
    this.#links.set(row.server, link);
    return link;
  }

  async #dial(link: Link): Promise<void> {
    const known = this.records.get(link.server);
    const target = {
      server: link.server,
      addresses: link.addresses(known?.addresses ?? []).slice(0, dialAddressesMax),
      noiseKey: known?.noiseKey,
    };
    const foreign: string[] = [];
    try {
      const dialled = await dialPeer(
        this.#options,
        target,
        (channel, address) => {
          const connection = this.#adopt(link, channel, true);
          this.#provedAt.set(link.server, placeOf(address));
          return connection;
        },
        (address, error) => {
          if (error.code === "wrong-server-key") foreign.push(placeOf(address));
        },
      );
      await (link.connection ?? dialled).confirmation;
    } catch (error) {
      const pinned = link.row.lastContactAt !== undefined;
      if (!(error instanceof ProtocolError) || error.code !== "wrong-server-key" || !pinned) throw error;
      throw this.#keyFault(link, foreign, target.addresses.length, error);
    }
  }

  /**
   * Another key answers. Where this server itself was last proved, or where no address is left that merely does not
   * answer, that is a changed key. Elsewhere it is somebody else's FedChat: a mistyped port, or the same private address
   * in another home, while the server is away. [L14]
   */
  #keyFault(link: Link, foreign: string[], dialled: number, cause: ProtocolError): ProtocolError {
    const provedAt = this.#provedAt.get(link.server);
    const changed = provedAt === undefined ? foreign.length === dialled : foreign.includes(provedAt);
    if (changed) return new ProtocolError("server-key-changed", undefined, { cause });
    const detail = `It does not answer; at ${foreign.join(", ")} there is another server.`;
    return new ProtocolError("unreachable", detail, { cause });
  }

  #adopt(link: Link, channel: OpenedLink, dialled: boolean): Connection {
    const connection = new Connection(channel, channel.server, dialled, this.#options.clock);
    try {
      // It may have been blocked while it was dialled. [L19]
      if (link.row.blocked) throw new ProtocolError("blocked");
      this.#mayName(link, channel.server.record.name);
      if (this.records.admitProved(channel.server, this.#now)) this.#storeRecord(link);
    } catch (error) {
      if (error instanceof ProtocolError) connection.close(error.code);
      throw error;
    }
    link.adopt(connection);
    return connection;
  }

  #failed(link: Link, error: ProtocolError): void {
    this.#options.log.debug("a link has no connection", { server: link.server, code: error.code });
    if (error.code !== "server-key-changed") {
      if (error.code !== "unreachable") return;
      this.#warned.delete(link.server);
      return;
    }
    if (this.#warned.has(link.server)) return;
    this.#warned.add(link.server);
    this.#options.log.warn("a server's key is not the pinned one", { server: link.server });
    this.#options.accounts.notify("administrators", {
      kind: "warning",
      error: toWireError(error),
      server: link.server,
    });
  }

  /** Throws `name-taken` where a linked server would now be shown by a name that another has. [L15] */
  #mayName(link: Link, name: string): void {
    if (!link.row.linkedByUs || link.row.localName !== undefined) return;
    this.#assertNameFree(link.server, name);
  }

  #assertNameFree(server: ServerId, name: string | undefined): void {
    const fault = this.#nameFault(server, name);
    if (fault !== undefined) throw fault;
  }

  #nameFault(server: ServerId, name: string | undefined): ProtocolError | undefined {
    if (name === undefined) return undefined;
    const linked = [...this.#links.values()].map(({ row }) => ({
      row,
      name: this.records.get(row.server)?.name,
    }));
    return nameTaken(server, name, linked, {
      server: this.#self,
      name: this.#options.ownRecord().record.name,
    });
  }

  #assertRoom(): void {
    const linked = [...this.#links.values()].filter(({ row }) => row.linkedByUs).length;
    if (linked >= linkedServersMax) throw new ProtocolError("quota-exceeded");
  }

  /**
   * Forgets the stranger that was silent for longest where there are too many. Servers of people's contacts are none:
   * what is written to them would be refused from then on, and keys to push them out are free to make. [L20]
   */
  #makeRoomForStranger(arrival: Link): void {
    const remembered = [...this.#links.values()].filter(
      (link) =>
        link !== arrival &&
        link.stored &&
        link.trust === "incoming" &&
        !this.#options.accounts.hasGrantAt(link.server),
    );
    if (remembered.length < strangersRememberedMax) return;
    const awaited = (link: Link) => (this.#ports.queueDepth(link.server) > 0 ? 1 : 0);
    const silent = remembered
      .filter((link) => !link.connected)
      .sort((a, b) => awaited(a) - awaited(b) || (a.row.lastContactAt ?? 0) - (b.row.lastContactAt ?? 0))[0];
    if (silent === undefined) return;
    void this.#change(silent, { linkedByThem: false }).catch(() => undefined);
  }

  /** Changes a link at once in memory and on disk, tells the peer and everybody here; undone where it cannot be stored. */
  async #change(link: Link, patch: Partial<LinkRow>): Promise<void> {
    const before = link.row;
    const trustBefore = link.trust;
    link.row = { ...before, ...patch };
    const ops: WriteOp[] =
      link.trust === "none"
        ? link.stored
          ? [{ op: "link.delete", server: link.server }]
          : []
        : [{ op: "link.put", row: link.row }, ...(link.stored ? [] : this.records.storing(link.server))];
    const storedBefore = link.stored;
    link.stored = link.trust !== "none";
    try {
      if (ops.length > 0) await this.#options.commit.add(ops);
    } catch (error) {
      const undo = Object.fromEntries(Object.keys(patch).map((key) => [key, before[key as keyof LinkRow]]));
      link.row = { ...link.row, ...(undo as Partial<LinkRow>) };
      link.stored = storedBefore;
      this.#dropIfForgotten(link);
      throw error instanceof StoreFullError
        ? new ProtocolError("storage-full", undefined, { cause: error })
        : error;
    }
    if (link.row.linkedByUs !== before.linkedByUs) link.sendTrust();
    if (link.trust !== trustBefore) this.#ports.listener.trustChanged(link, trustBefore);
    if (link.trust !== "none") this.#events.changed(link.server);
    else if (storedBefore) this.#events.removed(link.server);
    if (!link.wanted && link.trust === "none" && before.linkedByUs) link.disconnect("closing");
    this.#dropIfForgotten(link);
  }

  #storeRecord(link: Link): void {
    if (!link.stored) return;
    const ops = this.records.storing(link.server);
    if (ops.length > 0)
      this.#options.commit
        .add(ops)
        .catch((error: unknown) =>
          this.#options.log.warn("a server record was not stored", { error: String(error) }),
        );
  }

  #dropIfForgotten(link: Link): void {
    if (link.stored || link.trust !== "none" || link.connection !== undefined) return;
    if (this.#links.get(link.server) !== link) return;
    link.stop("closing");
    this.#links.delete(link.server);
    this.#provedAt.delete(link.server);
    this.records.forget(link.server);
    this.#ports.listener.forgotten(link.server);
  }
}

/** What `work` gives, or undefined where that takes longer. */
function within<T>(clock: Clock, timeMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeMs, () => resolve(undefined));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** What ends a new link instead of being tried again. */
function refusesNewLink(error: ProtocolError): boolean {
  return error.code === "name-taken" || error.code === "wrong-server-key";
}

function newRow(server: ServerId, now: number): LinkRow {
  return {
    server,
    linkedByUs: false,
    linkedByThem: false,
    blocked: false,
    localName: undefined,
    addresses: [],
    linkedAt: now,
    lastContactAt: undefined,
  };
}

/** What was told last comes first; 16 are kept, as many as a view shows. */
function mergedAddresses(told: ServerAddress[], before: ServerAddress[]): ServerAddress[] {
  const byPlace = new Map(
    [...told, ...before].map((address) => [`${address.host} ${address.port}`, address]),
  );
  return [...byPlace.values()].slice(0, 16);
}

function placeOf({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}
