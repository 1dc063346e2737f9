/**
 * All links: what people decide about servers, what servers say of us, and what is stored of both. Invariants: a
 * decision is on disk before it is told; a name belongs to one linked server; a blocked server stays out; what
 * strangers can make us remember is bounded. [L13] to [L20]
 */
import type { Clock, LinkView, RelayHint, ServerAddress, ServerId, ServerRecord } from "@fedchat/protocol";
import { limits, ProtocolError, toWireError } from "@fedchat/protocol";
import type { LinkRow, WriteOp } from "../../store/store.ts";
import { StoreFullError } from "../../store/store.ts";
import {
  dialAddressesMax,
  invitedDialRate,
  linkAnswerMs,
  directoryLinksMax,
  linkedServersMax,
  newsDialRate,
  queryTimeoutMs,
  strangersRememberedMax,
} from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Trust, Whereabouts } from "../seams.ts";
import { Connection } from "./connection.ts";
import type { Circuits } from "./circuits.ts";
import { Declined } from "./declined.ts";
import type { OpenedLink } from "./dial-peer.ts";
import { dialPeer } from "./dial-peer.ts";
import type { Dialling, LinkListener } from "./link.ts";
import { Link } from "./link.ts";
import { LinkEvents, linkView } from "./link-view.ts";
import { nameTaken } from "./names-taken.ts";
import { NewerRecords } from "./newer-records.ts";
import type { FederationOptions } from "./options.ts";
import { Reaching, relayHintOf } from "./reaching.ts";
import { ServerRecords } from "./records.ts";
import { Unlinked } from "./unlinked.ts";

interface LinksListener extends Pick<
  LinkListener,
  "opened" | "control" | "bundle" | "batchEnd" | "piece" | "closed"
> {
  trustChanged(link: Link, before: Trust): void;
  /** A person decided about a mutual link that a directory had brought about. */
  personal(link: Link): void;
  /** Nothing is known of this server any more. */
  forgotten(server: ServerId): void;
}

export interface LinksPorts {
  listener: LinksListener;
  queueDepth: (server: ServerId) => number;
  /** Whether this name is a domain that has confirmed this server. [N4] */
  nameProved: (server: ServerId, name: string) => boolean;
  /** Whether something waits for this server that somebody here sent. */
  awaited: (server: ServerId) => boolean;
  circuits: Circuits;
  /** Whether a directory announced this server. [D4] */
  announced: (server: ServerId) => boolean;
  /** Some server's record is newer, or more may be told of it. */
  recordsChanged: () => void;
}

export class Links {
  readonly records: ServerRecords;
  readonly #options: FederationOptions;
  readonly #ports: LinksPorts;
  readonly #links = new Map<ServerId, Link>();
  readonly #events: LinkEvents;
  readonly #newsDials: RateLimits<ServerId>;
  readonly #invitedDials: RateLimits<"all">;
  readonly #newerRecords: NewerRecords;
  /** Servers whose changed key was already told. */
  readonly #warned = new Set<ServerId>();
  /** Where each server last proved its key to us, since we started. */
  readonly #provedAt = new Map<ServerId, ServerAddress>();
  readonly #declined: Declined;
  readonly #reaching: Reaching;
  readonly #unlinked: Unlinked;
  /** Servers that are dialled only to pass through them. */
  readonly #asRelay = new Set<ServerId>();
  /** Connections whose first `trust` was heard. */
  readonly #greeted = new WeakSet<Connection>();
  #closed = false;

  constructor(options: FederationOptions, ports: LinksPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#newsDials = new RateLimits(newsDialRate, options.clock);
    this.#invitedDials = new RateLimits(invitedDialRate, options.clock);
    this.#newerRecords = new NewerRecords(options.clock);
    this.#declined = new Declined(options.state.meta);
    this.records = new ServerRecords({
      stored: options.state.records,
      primitives: options.primitives,
      keeps: (server) =>
        this.#links.has(server) || options.accounts.hasGrantAt(server) || ports.awaited(server),
      onChange: ports.recordsChanged,
    });
    this.#events = new LinkEvents(options.clock, options.accounts, (server) => {
      const link = this.#links.get(server);
      return link && this.#view(link);
    });
    this.#unlinked = new Unlinked({
      clock: options.clock,
      inUse: (server) => ports.awaited(server) || this.#carries(server),
      letGo: (server) => this.#letGo(server),
    });
    this.#reaching = new Reaching({
      self: this.#self,
      clock: options.clock,
      graph: this.records.graph,
      circuits: ports.circuits,
      record: (server) => this.records.get(server),
      trust: (server) => this.#links.get(server)?.standing ?? "none",
      connected: () => this.#connectedDirectly(),
      connection: (server) => this.#directConnection(server),
      connect: (relay, addresses) => this.#connectRelay(relay, addresses),
    });
    for (const row of options.state.links) this.#create(row, true);
  }

  start(): void {
    for (const link of this.#links.values()) link.ensure();
  }

  /** Says goodbye on every connection and dials no more. */
  close(): void {
    this.#closed = true;
    this.#unlinked.close();
    this.#newerRecords.stop();
    for (const link of this.#links.values()) link.stop("closing");
  }

  woke(): void {
    for (const link of this.#links.values()) link.woke();
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

  /**
   * The link to a server that somebody here writes to or asks: one without a link is reached all the same, if it is
   * known where. Throws `blocked`, `unknown-server`, `quota-exceeded`, `rate-limited`. [C11]
   * @param invited where an invitation says that it is
   */
  reach(server: ServerId, invited?: Whereabouts): Link {
    const held = this.#links.get(server);
    if (held?.row.blocked === true) throw new ProtocolError("blocked");
    if (held?.row.linkedByUs === true) return held;
    const known = held !== undefined || this.records.get(server) !== undefined;
    if (!known && (invited === undefined || server === this.#self)) throw new ProtocolError("unknown-server");
    const retryAfterMs = known ? 0 : this.#invitedDials.take("all");
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    const isNew = this.#unlinked.use(server);
    const link = held ?? this.#create(newRow(server, this.#now), false);
    if (!known && invited !== undefined) {
      link.row = { ...link.row, addresses: invited.addresses };
      this.#reaching.tell(server, invited.relays);
    }
    // It is dialled again after a restart, too, while something waits.
    if (isNew && !link.stored) this.#store(this.records.storing(server));
    return link;
  }

  /**
   * Asks over the connection to a server; where there is none it is dialled, and awaited for the time of a query.
   * Rejects as `reach`, or with why there is no connection.
   */
  async asking<T>(server: ServerId, ask: (link: Link) => Promise<T>, invited?: Whereabouts): Promise<T> {
    const link = this.reach(server, invited);
    if (link.connected) return ask(link);
    const release = link.row.linkedByUs ? undefined : this.#unlinked.hold(server);
    try {
      const failure = await within(this.#options.clock, queryTimeoutMs, link.attempt());
      if (!link.connected) throw failure ?? new ProtocolError("unreachable");
      return await ask(link);
    } finally {
      release?.();
      this.#dropIfForgotten(link);
    }
  }

  /** Of our record's relays, those whose place is known: for invitations, so that those which take anyone come first. */
  relayHints(): RelayHint[] {
    const hints = this.#options.ownRecord().record.relays.flatMap((relay) => {
      const record = this.records.get(relay);
      return record === undefined || record.addresses.length === 0 ? [] : [record];
    });
    const takesAnyone = ({ relaysFor }: ServerRecord) => (relaysFor === "anyone" ? 0 : 1);
    return hints
      .sort((a, b) => takesAnyone(a) - takesAnyone(b))
      .slice(0, limits.invitationRelaysMax)
      .map(relayHintOf);
  }

  /** How many wait for this server is different. */
  queueChanged(server: ServerId): void {
    const link = this.#links.get(server) ?? this.#awaken(server);
    if (link === undefined) return;
    if (!link.row.linkedByUs && this.#ports.awaited(server)) this.#unlinked.use(server);
    link.ensure();
    // While a link is connected its queue comes and goes with every message.
    if (!link.connected) this.changed(server);
    this.#dropIfForgotten(link);
  }

  /** The direct connection to a server, once it has said its first word. */
  #directConnection(server: ServerId): Connection | undefined {
    const connection = this.#links.get(server)?.connection;
    return connection?.confirmed === true && connection.via.length === 0 ? connection : undefined;
  }

  *#connectedDirectly(): Generator<ServerId> {
    for (const server of this.#links.keys()) {
      if (this.#directConnection(server) !== undefined) yield server;
    }
  }

  /** Something waits for a server since before we started. */
  #awaken(server: ServerId): Link | undefined {
    if (this.#closed || !this.#ports.awaited(server)) return undefined;
    try {
      return this.reach(server);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return undefined;
    }
  }

  /** Dials a relay for the sake of a server behind it; it is kept while a circuit of ours passes it. [C8] */
  async #connectRelay(relay: ServerId, addresses: ServerAddress[]): Promise<Connection> {
    const release = this.#unlinked.hold(relay);
    const link = this.#links.get(relay) ?? this.#create(newRow(relay, this.#now), false);
    if (!link.stored) link.row = { ...link.row, addresses: mergedAddresses(addresses, link.row.addresses) };
    this.#asRelay.add(relay);
    try {
      const failure = await link.attempt();
      const connection = this.#directConnection(relay);
      if (connection === undefined) throw failure ?? new ProtocolError("unreachable");
      return connection;
    } finally {
      this.#asRelay.delete(relay);
      release();
      this.#dropIfForgotten(link);
    }
  }

  #carries(server: ServerId): boolean {
    const connection = this.#directConnection(server);
    return connection !== undefined && this.#ports.circuits.carries(connection);
  }

  #letGo(server: ServerId): void {
    const link = this.#links.get(server);
    if (link === undefined || link.trust !== "none") return;
    if (link.connection?.dialled === true) link.disconnect("closing");
    this.#dropIfForgotten(link);
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
      origin: "person",
      localName: localName ?? before.localName,
      addresses: mergedAddresses(addresses, before.addresses),
      ...(before.linkedByUs ? {} : { linkedAt: this.#now }),
    });
    this.#store(this.#declined.set(server, false));
    link.forgive();
    this.#reaching.tell(server, relays);
    const failure = await within(this.#options.clock, linkAnswerMs, link.attemptAfresh());
    if (failure !== undefined && refusesNewLink(failure) && !before.linkedByUs) {
      const { linkedByUs, origin, localName: oldName, addresses: oldAddresses } = before;
      await this.#change(link, { linkedByUs, origin, localName: oldName, addresses: oldAddresses });
      link.forgive();
      throw failure;
    }
    return this.#viewOf(link);
  }

  async linkBack(server: ServerId): Promise<LinkView> {
    const link = this.#known(server);
    const isPersons = link.row.linkedByUs && link.row.origin === "person";
    return isPersons ? this.#viewOf(link) : this.add(server, [], undefined);
  }

  /** A directory announced this server: it is linked, unless a person decided about it. [D4] */
  async linkAnnounced(server: ServerId): Promise<void> {
    const held = this.#links.get(server);
    const decided = held?.row.linkedByUs === true || held?.row.blocked === true || this.#declined.has(server);
    if (decided || server === this.#self || this.#closed) return;
    if (!this.#hasRoom("directory")) throw new ProtocolError("quota-exceeded");
    const link = held ?? this.#create(newRow(server, this.#now), false);
    await this.#change(link, { linkedByUs: true, origin: "directory", linkedAt: this.#now });
    link.ensure();
  }

  async remove(server: ServerId): Promise<void> {
    const link = this.#known(server);
    this.#store(this.#declined.set(server, true));
    await this.#change(link, { linkedByUs: false, localName: undefined });
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
  admit(
    opened: OpenedLink,
    via: readonly ServerId[],
    mayConnect: (link: Link | undefined) => ProtocolError | undefined,
  ): void {
    const server = opened.server.record.key;
    const refused = this.#closed ? new ProtocolError("unreachable") : mayConnect(this.#links.get(server));
    if (refused !== undefined) {
      const connection = new Connection(opened, opened.server, { dialled: false, via }, this.#options.clock);
      connection.close(refused.code);
      throw refused;
    }
    const link = this.#links.get(server) ?? this.#create(newRow(server, this.#now), false);
    try {
      this.#adopt(link, opened, { dialled: false, via });
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
    const unlinked = linked && !link.row.linkedByUs;
    const linkBack = unlinked && this.#options.policy.accept === "anyone" && this.#hasRoom("person");
    const mayLink =
      linkBack && this.#nameFault(link.server, this.records.get(link.server)?.name) === undefined;
    const announced =
      unlinked &&
      !mayLink &&
      this.#ports.announced(link.server) &&
      !this.#declined.has(link.server) &&
      this.#hasRoom("directory");
    if (linked && !link.stored) this.#makeRoomForStranger(link);
    await this.#change(link, {
      linkedByThem: linked,
      lastContactAt: this.#now,
      ...(mayLink ? { linkedByUs: true } : {}),
      ...(announced ? { linkedByUs: true, origin: "directory" } : {}),
    }).catch((error: unknown) => this.#options.log.warn("a link was not stored", { error: String(error) }));
  }

  /**
   * A newer record of the peer's. One with another Noise key needs a new handshake to be believed; one with a name that
   * another server has ends the connection. What comes too fast waits for its turn, before it is verified. [R5] [R6]
   */
  peerRecord(link: Link, signed: Uint8Array): void {
    const { connection } = link;
    const known = this.records.signed(link.server);
    if (known !== undefined && sameBytes(known, signed)) return this.#takeRecord(link, signed);
    const own = signed.slice();
    let due = true;
    this.#newerRecords.take(link.server, this.#now, () => {
      if (due) return this.#takeRecord(link, own);
      try {
        if (link.connection === connection) this.#takeRecord(link, own);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        connection?.fault();
      }
    });
    due = false;
  }

  #takeRecord(link: Link, signed: Uint8Array): void {
    const before = this.records.get(link.server);
    try {
      const mayName = (name: string) => this.#mayName(link, name);
      if (!this.records.admitSent(link.server, signed, this.#now, mayName)) return;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "name-taken") throw error;
      return link.disconnect("name-taken");
    }
    this.#storeRecord(link);
    this.#recordChanged(link, before);
    this.#dialNews(link);
  }

  /** Whether a server may be called so: a linked one not by a name that another has. [L15] */
  mayBeCalled(server: ServerId, name: string): boolean {
    const link = this.#links.get(server);
    if (link?.row.linkedByUs !== true || link.row.localName !== undefined) return true;
    if (link.row.origin === "directory") return true;
    return this.#nameFault(server, name) === undefined;
  }

  /** A newer record of this server came from others: where it is wanted it is dialled at once. [G5] */
  recordHeard(server: ServerId, before: ServerRecord | undefined): void {
    const link = this.#links.get(server);
    if (link === undefined) return;
    this.#recordChanged(link, before);
    this.#dialNews(link);
  }

  #dialNews(link: Link): void {
    if (!link.wanted || (link.connected && link.via.length === 0)) return;
    if (this.#newsDials.take(link.server) === 0) link.addressesChanged();
  }

  #recordChanged(link: Link, before: ServerRecord | undefined): void {
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
    const { queueDepth, nameProved } = this.#ports;
    const record = this.records.get(link.server);
    const proved = record !== undefined && nameProved(link.server, record.name);
    return linkView(link, record, queueDepth(link.server), proved);
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
      dial: (target, how) => this.#dial(target, how),
      needed: (needy) =>
        (needy.row.linkedByThem && this.#ports.queueDepth(needy.server) > 0) ||
        this.#unlinked.needed(needy.server),
      listener: {
        opened: listener.opened,
        bundle: listener.bundle,
        batchEnd: listener.batchEnd,
        control: listener.control,
        piece: listener.piece,
        closed: (closed, connection) => {
          listener.closed(closed, connection);
          this.#dropIfForgotten(closed);
        },
        failed: (failed, error) => this.#failed(failed, error),
        changed: (changed) => this.#events.changed(changed.server),
      },
    });
    this.#links.set(row.server, link);
    return link;
  }

  async #dial(link: Link, how: Dialling): Promise<void> {
    const { server } = link;
    const known = this.records.get(server);
    const target = {
      server,
      addresses: link
        .addresses(known?.addresses ?? [], this.#provedAt.get(server))
        .slice(0, dialAddressesMax),
      noiseKey: known?.noiseKey,
      ways: () => (how === "direct" || this.#passedOnly(link) ? [] : this.#reaching.ways(server)),
      ...(how === "reroute" ? { silenceMs: 0 } : {}),
      superseded: () => link.connection !== undefined && (how !== "direct" || link.via.length === 0),
    };
    const foreign: string[] = [];
    try {
      const dialled = await dialPeer(this.#options, target, {
        opened: (channel, { address, via }) => {
          const connection = this.#adopt(link, channel, { dialled: true, via });
          if (address !== undefined) this.#provedAt.set(server, address);
          else this.#reaching.worked(server, via);
          return connection;
        },
        failed: (address, error) => {
          if (error.code === "wrong-server-key") foreign.push(placeOf(address));
        },
      });
      await (link.connection ?? dialled)?.confirmation;
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
    const changed = provedAt === undefined ? foreign.length === dialled : foreign.includes(placeOf(provedAt));
    if (changed) return new ProtocolError("server-key-changed", undefined, { cause });
    const detail = `It does not answer; at ${foreign.join(", ")} there is another server.`;
    return new ProtocolError("unreachable", detail, { cause });
  }

  /** A relay that is dialled for others' sake is of use only directly. [C4] */
  #passedOnly(link: Link): boolean {
    return this.#asRelay.has(link.server) && !link.row.linkedByUs && !this.#ports.awaited(link.server);
  }

  #adopt(link: Link, channel: OpenedLink, how: { dialled: boolean; via: readonly ServerId[] }): Connection {
    const connection = new Connection(channel, channel.server, how, this.#options.clock);
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
    if (!link.row.linkedByUs || link.row.localName !== undefined || link.row.origin === "directory") return;
    this.#assertNameFree(link.server, name);
  }

  #assertNameFree(server: ServerId, name: string | undefined): void {
    const fault = this.#nameFault(server, name);
    if (fault !== undefined) throw fault;
  }

  #nameFault(server: ServerId, name: string | undefined): ProtocolError | undefined {
    if (name === undefined) return undefined;
    const linked = [...this.#links.values()]
      .filter(({ row }) => row.origin === "person")
      .map(({ row }) => ({ row, name: this.records.get(row.server)?.name }));
    return nameTaken(server, name, linked, {
      server: this.#self,
      name: this.#options.ownRecord().record.name,
    });
  }

  #assertRoom(): void {
    if (!this.#hasRoom("person")) throw new ProtocolError("quota-exceeded");
  }

  /** What directories fill keeps no person from linking. */
  #hasRoom(origin: LinkRow["origin"]): boolean {
    const linked = [...this.#links.values()].filter(({ row }) => row.linkedByUs && row.origin === origin);
    return linked.length < (origin === "person" ? linkedServersMax : directoryLinksMax);
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
    const wantedBefore = link.wanted;
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
    if (wantedBefore && !link.wanted) link.rest();
    if (link.trust !== trustBefore) this.#ports.listener.trustChanged(link, trustBefore);
    else if (link.trust === "mutual" && link.origin !== before.origin) this.#ports.listener.personal(link);
    if (link.trust !== "none") this.#events.changed(link.server);
    else if (storedBefore) this.#events.removed(link.server);
    if (!link.wanted && link.trust === "none" && before.linkedByUs) link.disconnect("closing");
    this.#dropIfForgotten(link);
  }

  #storeRecord(link: Link): void {
    const heard = this.records.known(link.server)?.heardFrom !== undefined;
    if (link.stored || heard || this.#unlinked.needed(link.server))
      this.#store(this.records.storing(link.server));
  }

  #store(ops: WriteOp[]): void {
    if (ops.length === 0) return;
    this.#options.commit
      .add(ops)
      .catch((error: unknown) =>
        this.#options.log.warn("a server record was not stored", { error: String(error) }),
      );
  }

  #dropIfForgotten(link: Link): void {
    if (link.stored || link.trust !== "none" || link.connection !== undefined || link.wanted) return;
    if (this.#links.get(link.server) !== link) return;
    link.stop("closing");
    this.#links.delete(link.server);
    this.#provedAt.delete(link.server);
    this.#reaching.forget(link.server);
    this.#ports.listener.forgotten(link.server);
    this.#store(this.records.release(link.server));
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
    origin: "person",
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
