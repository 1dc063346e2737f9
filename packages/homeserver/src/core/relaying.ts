/**
 * What this homeserver does for others: as configured, until an administrator decides for whom it relays; from then on
 * that decision stands, over restarts and other configurations. It is on disk before it counts. [G6] [C3]
 */
import type { ServerRecord } from "@fedchat/protocol";
import type { Relaying } from "./federation/index.ts";
import type { GroupCommit } from "./group-commit.ts";
import { relayBytesPerSecond, relayStorageBytes } from "./limits.ts";

type RelaysFor = ServerRecord["relaysFor"];

/** For linked servers, within what a small machine can spare. */
export const defaultRelaying: Relaying = {
  relaysFor: "linked",
  bytesPerSecond: relayBytesPerSecond,
  storageBytesMax: relayStorageBytes,
};

const decisionKey = "relaying.for";
const choices: readonly RelaysFor[] = ["nobody", "linked", "anyone"];

export class OwnRelaying implements Relaying {
  readonly bytesPerSecond: number;
  readonly storageBytesMax: number;
  readonly #commit: GroupCommit;
  #relaysFor: RelaysFor;

  constructor(configured: Relaying, meta: ReadonlyMap<string, Uint8Array>, commit: GroupCommit) {
    this.bytesPerSecond = configured.bytesPerSecond;
    this.storageBytesMax = configured.storageBytesMax;
    this.#commit = commit;
    const decided = new TextDecoder().decode(meta.get(decisionKey));
    this.#relaysFor = choices.find((choice) => choice === decided) ?? configured.relaysFor;
  }

  get relaysFor(): RelaysFor {
    return this.#relaysFor;
  }

  /** An administrator's decision. Rejects, and nothing changes, where it could not be stored. */
  async decide(relaysFor: RelaysFor): Promise<void> {
    const value = new TextEncoder().encode(relaysFor);
    await this.#commit.add([{ op: "meta.put", key: decisionKey, value }]);
    this.#relaysFor = relaysFor;
  }
}
