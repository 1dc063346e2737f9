/**
 * The recovery kit of this account, until its person has it on paper: then its words are forgotten here, so that a thief of
 * this device does not have them. [F12]
 */
import type { Clock } from "@fedchat/protocol";
import type { RecoveryKit as Kit, Status } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Identity } from "./identity.ts";
import type { Names } from "./names.ts";
import { wordsOfKit } from "./recovery-words.ts";
import type { Servers } from "./servers.ts";

/** Settings: the kit's bytes; when its person had it on paper, or said that they want none now. */
export const kitSetting = "recovery-kit";
export const keptSetting = "recovery-kit-kept";

/** A time as settings have it. */
export const writtenTime = (ms: number): Uint8Array => new TextEncoder().encode(String(ms));

export class RecoveryKit {
  readonly #store: EngineStore;
  readonly #identity: Identity;
  readonly #names: Names;
  readonly #servers: Servers;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;

  constructor(ports: {
    store: EngineStore;
    identity: Identity;
    names: Names;
    servers: Servers;
    clock: Pick<Clock, "now">;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#identity = ports.identity;
    this.#names = ports.names;
    this.#servers = ports.servers;
    this.#clock = ports.clock;
    this.#changes = ports.changes;
  }

  /** Throws `EngineError("no-kit")` on a device that does not have the account key. */
  show(): Kit {
    const { accountSeed } = this.#identity.self;
    const kit = this.#store.identity.setting(kitSetting);
    // Devices that were added by another one need not hold the account key.
    if (accountSeed.length === 0) throw engineError("no-kit");
    const words = wordsOfKit(kit ?? accountSeed);
    const { id, record } = this.#servers.own;
    const addresses = (record?.addresses ?? []).map(({ host, port }) => `${host}:${port}`);
    const { handle } = this.#identity.record.record;
    const at = addresses.length === 0 ? "" : `&at=${addresses[0]}`;
    return {
      words,
      scan: `fedchat:recovery?server=${id}${at}&handle=${handle}#${words.join("-")}`,
      complete: kit !== undefined,
      address: this.#names.address(this.#identity.record.record),
      ...{ serverId: id, addresses, account: this.#identity.account },
      keptAt: this.#keptAt(),
    };
  }

  /** `kept`: it is on paper. `later`: the person does not want to be asked again. */
  settle(kit: "kept" | "later"): void {
    this.#identity.transaction(() => {
      const at = kit === "kept" ? this.#clock.now() : 0;
      this.#store.identity.putSetting(keptSetting, writtenTime(at));
      if (kit === "later") return;
      this.#store.identity.deleteSetting(kitSetting);
      this.#identity.update({ recoverySeed: null });
    });
    this.#changes.status();
  }

  /** For screens: whether it is worth asking. */
  standing(): NonNullable<Status["recoveryKit"]> {
    const keptAt = this.#keptAt();
    if (keptAt !== null) return "kept";
    // It is made where the account key is; here there is nothing to ask.
    if (this.#identity.accountKey === undefined) return "later";
    return this.#store.identity.setting(keptSetting) === undefined ? "unseen" : "later";
  }

  #keptAt(): number | null {
    const kept = this.#store.identity.setting(keptSetting);
    const at = kept === undefined ? 0 : Number(new TextDecoder().decode(kept));
    return at === 0 ? null : at;
  }
}
