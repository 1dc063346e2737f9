/**
 * Sealed storage: small versioned records that only the account's devices can read. The homeserver compares versions
 * and nothing else. [H16]
 */
import type { ClientParams, ClientResult } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Account } from "./account-book.ts";
import type { FullDisk } from "./full-disk.ts";
import type { LiveSessions } from "./live-sessions.ts";

export interface SealedStorageOptions {
  store: Pick<HomeserverStore, "sealedGet" | "sealedList">;
  commit: GroupCommit;
  disk: FullDisk;
  live: Pick<LiveSessions, "notify">;
}

export class SealedStorage {
  readonly #options: SealedStorageOptions;

  constructor(options: SealedStorageOptions) {
    this.#options = options;
  }

  /** Stored only as the successor of the version that is held; rejects with `conflict`, `quota-exceeded`. */
  async put(account: Account, row: ClientParams<"sealed.put">): Promise<Record<never, never>> {
    const { store, commit, disk } = this.#options;
    disk.admitNewWork();
    if (row.version === 0) throw new ProtocolError("malformed", "versions begin at 1");
    if (
      row.version === 1 &&
      (await store.sealedList(account.id)).length >= limits.sealedRecordsPerAccountMax
    ) {
      throw new ProtocolError("quota-exceeded");
    }
    const [result] = await commit.add([{ op: "sealed.put", account: account.id, row }]);
    if (result?.op !== "sealed.put") throw new Error("the store answered another operation");
    if (result.outcome === "conflict") throw new ProtocolError("conflict");
    const { name, version } = row;
    this.#options.live.notify({ account: account.id }, { kind: "sealed", name, version });
    return {};
  }

  async get(account: Account, { name }: ClientParams<"sealed.get">): Promise<ClientResult<"sealed.get">> {
    return { record: (await this.#options.store.sealedGet(account.id, name)) ?? null };
  }

  async list(account: Account): Promise<ClientResult<"sealed.list">> {
    return { records: await this.#options.store.sealedList(account.id) };
  }
}
