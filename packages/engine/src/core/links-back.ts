/**
 * Servers to be linked back because an administrator's invitation was used: owed on disk from the transaction that
 * opens the contact on, until it is done or cannot be. A crash, a full disk or a lost session only puts it off. [I5]
 */
import type { Clock, ServerId, Timer } from "@fedchat/protocol";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, causeOfCode } from "./causes.ts";
import type { Identity } from "./identity.ts";
import { linkBackPatienceMs, linkBackRetryMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Notices } from "./notices.ts";
import type { Servers } from "./servers.ts";

export interface LinksBackPorts {
  store: Pick<EngineStore, "invitations">;
  identity: Pick<Identity, "self">;
  servers: Pick<Servers, "linkedByUs" | "linkBack">;
  notices: Pick<Notices, "add">;
  clock: Clock;
  log: Log;
}

export class LinksBack {
  readonly #ports: LinksBackPorts;
  #working = false;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: LinksBackPorts) {
    this.#ports = ports;
  }

  /** Within the transaction that opens the contact. */
  owe(server: ServerId): void {
    const { store, identity, clock } = this.#ports;
    if (identity.self.administrator === 0) return;
    store.invitations.oweLinkBack(server, clock.now());
    clock.soon(() => void this.resume());
  }

  /** With each session, and whenever one is owed. */
  async resume(): Promise<void> {
    const { store, clock } = this.#ports;
    if (this.#working || this.#stopped) return;
    this.#working = true;
    this.#timer?.cancel();
    try {
      for (const { server, at } of store.invitations.linksBackOwed()) await this.#linkBack(server, at);
    } finally {
      this.#working = false;
    }
    if (!this.#stopped && store.invitations.linksBackOwed().length > 0)
      this.#timer = clock.after(linkBackRetryMs, () => void this.resume());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #linkBack(server: ServerId, since: number): Promise<void> {
    const { store, servers, log, clock } = this.#ports;
    try {
      if (!servers.linkedByUs(server)) await servers.linkBack(server);
      if (this.#stopped) return;
      store.invitations.linkedBack(server);
    } catch (error) {
      if (this.#stopped) return;
      log.info("a server is not linked back yet", { server, error: String(error) });
      // It may be about to link us: its request can be here before its link is.
      if (causeOf(error).retry === "never" && clock.now() - since > linkBackPatienceMs) this.#giveUp(server);
    }
  }

  #giveUp(server: ServerId): void {
    try {
      this.#ports.store.invitations.linkedBack(server);
      this.#ports.notices.add("warning", causeOfCode("link-back-failed"));
    } catch (error) {
      // Told later, when there is room.
      if (!(error instanceof StoreFullError)) throw error;
    }
  }
}
