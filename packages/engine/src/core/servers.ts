/**
 * Our own homeserver and those it is linked with, as the homeserver tells. The last known links are kept, so that
 * names are there before the homeserver is reached.
 */
import type {
  ClientResult,
  LinkView,
  Primitives,
  ServerAddress,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import { decode, encode, linkView, serverRecord } from "@fedchat/protocol";
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
}

export class Servers {
  readonly own: OwnServer;
  readonly #store: Pick<EngineStore, "accounts" | "identity" | "transaction">;
  readonly #homeserver: Homeserver;
  readonly #primitives: Primitives;
  readonly #changes: Changes;
  readonly #links = new Map<ServerId, LinkView>();
  /** Servers of which something was told since the homeserver was last asked: its answer may be older. */
  #toldSince = new Set<ServerId>();

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
    this.own = { id: ports.own, record: undefined, accounts: 1, reachedFromOutside: false };
    const kept = this.#store.identity.setting(ownInfoSetting);
    if (kept !== undefined) this.own.record = serverRecord.open(this.#primitives, kept);
    for (const { server, view } of this.#store.accounts.servers()) {
      this.#links.set(server, { ...decode(linkView, view), state: "waiting", nextTryAt: null });
    }
  }

  list(): LinkView[] {
    return [...this.#links.values()].sort((a, b) => a.linkedAt - b.linkedAt);
  }

  get(server: ServerId): LinkView | undefined {
    return this.#links.get(server);
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
  }

  removed(server: ServerId): void {
    this.#toldSince.add(server);
    this.#links.delete(server);
    this.#store.accounts.deleteServer(server);
    this.#changes.mark("server", server);
  }

  ownChanged(info: ClientResult<"server.info">): void {
    this.own.record = serverRecord.open(this.#primitives, info.record);
    this.own.accounts = info.accounts;
    this.own.reachedFromOutside = info.reachedFromOutside;
    this.#store.identity.putSetting(ownInfoSetting, info.record);
    this.#changes.status();
  }

  async link(server: ServerId, addresses: ServerAddress[], localName: string | undefined): Promise<LinkView> {
    if (server === this.own.id) throw engineError("own-server");
    const named = localName === undefined ? {} : { localName };
    return this.#took(await this.#homeserver.request("links.add", { server, addresses, ...named }));
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

const ownInfoSetting = "own-server-record";

/** What kind of address a host is, as far as its text tells. */
export function addressOf(host: string, port: number): ServerAddress {
  const bare = host
    .trim()
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
  return { host: bare, port, kind: isPrivateHost(bare) ? "lan" : "direct" };
}

/** RFC 1918, RFC 4193, loopback and link-local addresses, and names that only a local network knows. */
export function isPrivateHost(host: string): boolean {
  return (
    isLoopbackHost(host) ||
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)/.test(host) ||
    /^(f[cd][0-9a-f]{2}:|fe80:)/.test(host) ||
    /\.(local|lan|home|internal)$/.test(host)
  );
}

export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
