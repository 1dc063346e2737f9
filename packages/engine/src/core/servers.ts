/**
 * Our own homeserver and those it is linked with, as the homeserver tells. The last known links are kept, so that
 * names are there before the homeserver is reached.
 */
import type {
  ClientResult,
  DirectoryView,
  LinkView,
  NearbyState,
  Primitives,
  RelayHint,
  ServerAddress,
  ServerId,
  ServerRecord,
  UnlinkedView,
} from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  encode,
  isPrivateHost,
  keepsRecoveryKey,
  linkView,
  ProtocolError,
  serverRecord,
} from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Homeserver } from "./ports.ts";

/** Our own homeserver. */
export interface OwnServer {
  id: ServerId;
  /** Undefined until it was reached. */
  record: ServerRecord | undefined;
  accounts: number;
  reachedFromOutside: boolean;
  /** Whether a linked server that was asked could dial it; undefined: none was. */
  dialledBack: boolean | undefined;
  /** Where its relays are, for invitations. */
  relayHints: RelayHint[];
  /** Undefined until it was reached. */
  relaying: ClientResult<"server.info">["relaying"] | undefined;
}

export class Servers {
  readonly own: OwnServer;
  /** In the homeserver's local network, as last told. */
  nearby: NearbyState = { mode: "off", problem: null, servers: [] };
  /** As last asked for. */
  directories: DirectoryView[] = [];
  /** Not linked, but somebody of theirs may write to us; as last asked for. */
  unlinked: UnlinkedView[] = [];
  /** As last asked for. */
  network: ClientResult<"network.map"> = { servers: [], more: false };
  readonly #store: Pick<EngineStore, "accounts" | "identity" | "transaction">;
  readonly #homeserver: Homeserver;
  readonly #primitives: Primitives;
  readonly #changes: Changes;
  readonly #links = new Map<ServerId, LinkView>();
  /** Servers of which something was told since the homeserver was last asked: its answer may be older. */
  #toldSince = new Set<ServerId>();
  /** What servers that are not linked call themselves in their records. */
  #claimed = new Map<ServerId, string>();
  /** The same of those where contacts live or whence somebody asked, as it was learned before. */
  #kept: ReadonlyMap<ServerId, string>;
  #learning = false;
  #directoriesAsked = false;

  constructor(ports: {
    store: Pick<EngineStore, "accounts" | "identity" | "transaction">;
    homeserver: Homeserver;
    primitives: Primitives;
    changes: Changes;
    own: ServerId;
  }) {
    this.#store = ports.store;
    this.#homeserver = ports.homeserver;
    this.#primitives = ports.primitives;
    this.#changes = ports.changes;
    this.own = {
      id: ports.own,
      record: undefined,
      accounts: 1,
      reachedFromOutside: false,
      dialledBack: undefined,
      relayHints: [],
      relaying: undefined,
    };
    const kept = this.#store.identity.setting(ownInfoSetting);
    if (kept !== undefined) this.own.record = serverRecord.open(this.#primitives, kept);
    this.#kept = keptNames(this.#store.identity.setting(namesSetting));
    for (const { server, view } of this.#store.accounts.servers()) {
      const kept = keptView(view);
      if (kept !== undefined) this.#links.set(server, { ...kept, state: "waiting", nextTryAt: null });
    }
  }

  /** Whether our own homeserver had this key before. [R8] */
  isFormerOwn(server: ServerId): boolean {
    return this.own.record?.replaces?.some((one) => one.server === server) === true;
  }

  list(): LinkView[] {
    return [...this.#links.values()].sort((a, b) => a.linkedAt - b.linkedAt);
  }

  get(server: ServerId): LinkView | undefined {
    return this.#links.get(server);
  }

  /** The name that a server claims which is not linked from here, where the network's map or a directory told it. */
  claimedName(server: ServerId): string | undefined {
    return this.#claimed.get(server) ?? this.#kept.get(server);
  }

  /** Of these servers what they are called is known also before the homeserver is asked again. */
  keepNames(servers: Iterable<ServerId>): void {
    const named = [...servers].flatMap((server): [ServerId, string][] => {
      const name = this.claimedName(server);
      return name === undefined ? [] : [[server, name]];
    });
    this.#kept = new Map(named);
    this.#store.identity.putSetting(namesSetting, new TextEncoder().encode(JSON.stringify(named)));
  }

  /**
   * Whether a directory linked it while another server had its name already: the own one, one that a person linked, or
   * one that was linked before. [D4]
   */
  cameLater({ server, name, origin, linkedAt }: LinkView): boolean {
    if (origin !== "directory") return false;
    const wanted = name.toLowerCase();
    if (this.own.record?.name.toLowerCase() === wanted) return true;
    return [...this.#links.values()].some(
      (other) =>
        other.server !== server &&
        this.linkedByUs(other.server) &&
        (other.localName ?? other.name).toLowerCase() === wanted &&
        (other.origin === "person" ||
          other.localName !== null ||
          other.linkedAt < linkedAt ||
          (other.linkedAt === linkedAt && other.server < server)),
    );
  }

  /** Whether we linked it: then its name is one that the person has chosen to know. */
  linkedByUs(server: ServerId): boolean {
    const trust = this.#links.get(server)?.trust;
    return server === this.own.id || trust === "mutual" || trust === "outgoing";
  }

  /** Asks the homeserver anew. */
  async refresh(): Promise<void> {
    const told = (this.#toldSince = new Set());
    const [{ links }, info] = await Promise.all([
      this.#homeserver.request("links.list", {}),
      this.#homeserver.request("server.info", {}),
    ]);
    const present = new Set(links.map(({ server }) => server));
    this.#store.transaction(() => {
      const untold = (server: ServerId) => !told.has(server);
      const gone = [...this.#links.keys()].filter((server) => !present.has(server));
      for (const server of gone.filter(untold)) this.removed(server);
      for (const link of links.filter(({ server }) => untold(server))) this.changed(link);
    });
    this.ownChanged(info);
  }

  changed(link: LinkView): void {
    this.#toldSince.add(link.server);
    this.#links.set(link.server, link);
    this.#store.accounts.putServer(link.server, encode(linkView, link));
    this.#changes.mark("server", link.server);
    if (link.via.some((relay) => this.isNameless(relay))) void this.#learnNames();
  }

  removed(server: ServerId): void {
    this.#toldSince.add(server);
    this.#links.delete(server);
    this.#store.accounts.deleteServer(server);
    this.#changes.mark("server", server);
  }

  ownChanged(info: ClientResult<"server.info">): void {
    const record = serverRecord.open(this.#primitives, info.record);
    // Whoever has its key only cannot prepare a successor of their own. [R7]
    if (!keepsRecoveryKey(record, this.own.record)) return;
    this.own.record = record;
    this.own.accounts = info.accounts;
    this.own.reachedFromOutside = info.reachedFromOutside;
    this.own.dialledBack = info.dialledBack;
    this.own.relayHints = info.relayHints;
    this.own.relaying = info.relaying;
    this.#store.identity.putSetting(ownInfoSetting, info.record);
    this.#changes.status();
  }

  /** Asks the homeserver anew: what it does for others changes all the time. */
  async refreshOwn(): Promise<void> {
    this.ownChanged(await this.#homeserver.request("server.info", {}));
  }

  /** As `refreshOwn` where the homeserver can be asked; else what was heard last stands. */
  async learnOwn(): Promise<void> {
    try {
      await this.refreshOwn();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  async setRelaying(relaysFor: LinkView["relaysFor"]): Promise<void> {
    await this.#homeserver.request("server.setRelaying", { relaysFor });
    await this.refreshOwn();
  }

  async refreshDirectories(): Promise<void> {
    const { directories } = await this.#homeserver.request("directories.list", {});
    this.directories = directories;
    this.#directoriesAsked = true;
    this.#claimDirectories();
  }

  /** Before people are shown by a directory it is known what it is called, if it has ever said so. */
  async learnDirectories(): Promise<void> {
    const isKnown = this.#directoriesAsked && this.directories.every(({ name }) => name !== "");
    if (!isKnown) await this.refreshDirectories();
  }

  async refreshNetwork(): Promise<void> {
    this.network = await this.#homeserver.request("network.map", {});
    this.#claimed = new Map(this.network.servers.map(({ server, name }) => [server, name]));
    this.#claimUnlinked();
    this.#claimDirectories();
  }

  async refreshUnlinked(): Promise<void> {
    this.unlinked = (await this.#homeserver.request("links.unlinked", {})).servers;
    this.#claimUnlinked();
  }

  #claimUnlinked(): void {
    for (const { server, name } of this.unlinked) if (name !== "") this.#claimed.set(server, name);
  }

  #claimDirectories(): void {
    for (const { server, name } of this.directories)
      if (server !== null && name !== "") this.#claimed.set(server, name);
  }

  /** Whether nothing has told what it is called since this engine started. */
  isNameless(server: ServerId): boolean {
    return server !== this.own.id && !this.#links.has(server) && !this.#claimed.has(server);
  }

  /** A link passes relays that are not linked from here: their records say what they are called. */
  async #learnNames(): Promise<void> {
    if (this.#learning || this.#homeserver.state.kind !== "connected") return;
    this.#learning = true;
    try {
      await this.refreshNetwork();
      for (const { server, via } of this.#links.values())
        if (via.length > 0) this.#changes.mark("server", server);
    } catch (error) {
      // Names are no more than a help; the next change of the link asks again.
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.#learning = false;
    }
  }

  nearbyChanged(state: NearbyState): void {
    this.nearby = state;
    this.#changes.mark("nearby", undefined);
  }

  /** Asks the homeserver anew; its administrators only. */
  async refreshNearby(): Promise<void> {
    this.nearby = await this.#homeserver.request("servers.nearby", {});
  }

  /** A person said yes to a server of the local network; the handshake proves that it is this one. [Y2] */
  async linkNearby(server: ServerId, localName: string | undefined): Promise<LinkView> {
    await this.refreshNearby();
    const found = this.nearby.servers.find((nearby) => nearby.server === server);
    if (found === undefined) throw engineError("not-nearby");
    return await this.link(server, found.addresses, localName);
  }

  /** Links one of `unlinked`, where the homeserver knows it to be. */
  async linkKnown(server: ServerId, localName: string | undefined): Promise<LinkView> {
    return await this.link(server, [], localName);
  }

  /** @param relays through which it may be reached, of an invitation */
  async link(
    server: ServerId,
    addresses: ServerAddress[],
    localName: string | undefined,
    relays: RelayHint[] = [],
  ): Promise<LinkView> {
    if (server === this.own.id) throw engineError("own-server");
    const named = localName === undefined ? {} : { localName };
    const through = relays.length === 0 ? {} : { relays };
    return this.#took(
      await this.#homeserver.request("links.add", { server, addresses, ...named, ...through }),
    );
  }

  async linkBack(server: ServerId): Promise<LinkView> {
    return this.#took(await this.#homeserver.request("links.linkBack", { server }));
  }

  async block(server: ServerId): Promise<LinkView> {
    return this.#took(await this.#homeserver.request("links.block", { server }));
  }

  async unblock(server: ServerId): Promise<LinkView> {
    return this.#took(await this.#homeserver.request("links.unblock", { server }));
  }

  async rename(server: ServerId, localName: string | null): Promise<LinkView> {
    return this.#took(await this.#homeserver.request("links.rename", { server, localName }));
  }

  async setAddresses(server: ServerId, addresses: ServerAddress[]): Promise<LinkView> {
    return this.#took(await this.#homeserver.request("links.setAddresses", { server, addresses }));
  }

  async unlink(server: ServerId): Promise<void> {
    await this.#homeserver.request("links.remove", { server });
  }

  async retry(server: ServerId): Promise<void> {
    await this.#homeserver.request("links.retry", { server });
  }

  #took(link: LinkView): LinkView {
    this.changed(link);
    return link;
  }
}

export const ownInfoSetting = "own-server-record";
const namesSetting = "strangers-names";

const keptNames = (kept: Uint8Array | undefined): ReadonlyMap<ServerId, string> =>
  new Map(kept === undefined ? [] : (JSON.parse(new TextDecoder().decode(kept)) as [ServerId, string][]));

/** What kind of address a host is, as far as its text tells. */
export function addressOf(host: string, port: number): ServerAddress {
  const bare = host
    .trim()
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
  return { host: bare, port, kind: isPrivateHost(bare) ? "lan" : "direct" };
}

export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** What another version kept may lack what this one shows; the homeserver tells it anew with the next session. */
function keptView(view: Uint8Array): LinkView | undefined {
  try {
    return decode(linkView, view);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
