/** Contacts' nicknames, and whom the person does not want to hear of. */
import type { AccountId, Clock } from "@fedchat/protocol";
import type { ContactRow } from "../store/accounts-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Identity } from "./identity.ts";
import type { Log } from "./log.ts";
import type { Names } from "./names.ts";
import type { Homeserver } from "./ports.ts";

export interface ContactsPorts {
  store: EngineStore;
  identity: Identity;
  names: Names;
  homeserver: Homeserver;
  clock: Pick<Clock, "now">;
  changes: Changes;
  log: Log;
}

export class Contacts {
  readonly #ports: ContactsPorts;

  constructor(ports: ContactsPorts) {
    this.#ports = ports;
  }

  setNickname(account: AccountId, nickname: string | null): ContactRow {
    const { store } = this.#ports;
    const contact = store.accounts.contact(account);
    if (contact === undefined) throw engineError("unknown-person");
    store.accounts.putContact({ ...contact, nickname });
    this.#changed(account);
    return { ...contact, nickname };
  }

  /** At once here; the homeserver is told now or when it is reached. Pending requests of theirs are gone. */
  block(account: AccountId): void {
    if (account === this.#ports.identity.account) throw engineError("is-self");
    this.#blockNow(account);
    this.#changed(account);
    void this.tellBlocks();
  }

  #blockNow(account: AccountId): void {
    const { store, clock, changes } = this.#ports;
    store.transaction(() => {
      store.accounts.putBlocked({ account, at: clock.now(), wanted: 1, told: 0 });
      for (let id; (id = store.requests.pending("incoming", account)?.id) !== undefined;) {
        store.requests.settle(id, "declined");
        changes.mark("request", id);
      }
      for (const room of store.rooms.withPeer(account)) store.messages.forgetReceipts(room.id);
    });
  }

  unblock(account: AccountId): void {
    const { store, clock } = this.#ports;
    if (!store.accounts.isBlocked(account)) return;
    store.accounts.putBlocked({ account, at: clock.now(), wanted: 0, told: 0 });
    this.#changed(account);
    void this.tellBlocks();
  }

  /** Tells the homeserver what it does not know yet. What fails is told at the next session. */
  async tellBlocks(): Promise<void> {
    const { store, homeserver, log } = this.#ports;
    for (const { account, wanted } of store.accounts.blocksToTell()) {
      try {
        await homeserver.request(wanted === 1 ? "delivery.block" : "delivery.unblock", { account });
        store.accounts.blockTold(account, wanted);
      } catch (error) {
        log.info("the homeserver does not know of a block yet", { code: causeOf(error).code });
        return;
      }
    }
  }

  #changed(account: AccountId): void {
    const { store, changes, names } = this.#ports;
    changes.mark("contact", account);
    for (const room of store.rooms.withPeer(account)) changes.mark("room", room.id);
    const server = names.account(account)?.server;
    if (server !== undefined) changes.mark("people", server);
    changes.status();
  }
}
