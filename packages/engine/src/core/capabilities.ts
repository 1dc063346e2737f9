/**
 * Tells contacts how to fetch our key packages, once each: so that they can take us into further rooms while we are
 * away. [M7]
 */
import type { AccountId, RandomSource } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf } from "./causes.ts";
import { keyPackageCapability } from "./key-packages.ts";
import type { Log } from "./log.ts";
import type { RoomSender } from "./room-sender.ts";

export interface CapabilitiesPorts {
  store: EngineStore;
  sender: RoomSender;
  random: RandomSource;
  log: Log;
}

export class Capabilities {
  readonly #ports: CapabilitiesPorts;
  #stopped = false;

  constructor(ports: CapabilitiesPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** To whoever does not know yet and can be written to. */
  tellAll(): void {
    if (this.#stopped) return;
    for (const { account } of this.#ports.store.accounts.capabilityUntold()) {
      try {
        this.#tell(account);
      } catch (error) {
        // It is told with the next session.
        this.#ports.log.info("a contact does not know our key packages yet", { code: causeOf(error).code });
      }
    }
  }

  #tell(account: AccountId): void {
    const { store, sender } = this.#ports;
    const contact = store.accounts.contact(account);
    const room = contact && store.rooms.get(contact.room);
    if (room?.state !== "open" || store.accounts.isBlocked(account)) return;
    const item = { kind: "capability", capability: keyPackageCapability(this.#ports) } as const;
    sender.send(room, item, { purpose: "status", subject: "" }, () => store.accounts.capabilityTold(account));
  }
}
