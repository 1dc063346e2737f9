/**
 * Key packages: stocked by each device, given out once each to holders of the account's capability; the last-resort one
 * stays. [H15]
 */
import type { AccountId, ClientParams, DeviceId, ServerId } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Federation } from "../seams.ts";
import type { AccountBook } from "./account-book.ts";
import type { FullDisk } from "./full-disk.ts";
import type { Identity } from "./session.ts";

export interface KeyPackagesOptions {
  self: ServerId;
  accounts: AccountBook;
  store: Pick<HomeserverStore, "keyPackageCount">;
  commit: GroupCommit;
  disk: FullDisk;
}

export class KeyPackages {
  readonly #options: KeyPackagesOptions;

  constructor(options: KeyPackagesOptions) {
    this.#options = options;
  }

  async put(
    { account, device }: Identity,
    { packages, lastResort, capability }: ClientParams<"keyPackages.put">,
  ): Promise<{ stocked: number }> {
    const { store, commit, disk } = this.#options;
    disk.admitNewWork();
    const held = await store.keyPackageCount(account.id, device);
    if (held + packages.length > limits.keyPackagesStockedMax) throw new ProtocolError("quota-exceeded");
    await commit.add([
      { op: "keyPackages.put", account: account.id, device, packages, lastResort, capability },
    ]);
    return this.count({ account, device });
  }

  async count({ account, device }: Pick<Identity, "account" | "device">): Promise<{ stocked: number }> {
    return { stocked: await this.#options.store.keyPackageCount(account.id, device) };
  }

  /** Takes one of an account that lives here; undefined where there is none for this capability. */
  async take(account: AccountId, device: DeviceId, capability: Uint8Array): Promise<Uint8Array | undefined> {
    const { accounts, commit } = this.#options;
    if (accounts.get(account)?.devices.has(device) !== true) return undefined;
    const [taken] = await commit.add([{ op: "keyPackages.take", account, device, capability }]);
    if (taken?.op !== "keyPackages.take") throw new Error("the store answered another operation");
    return taken.keyPackage;
  }

  async fetch(
    federation: Pick<Federation, "fetchKeyPackage">,
    { server, account, device, capability }: ClientParams<"keyPackages.fetch">,
  ): Promise<{ keyPackage: Uint8Array | null }> {
    const keyPackage =
      server === this.#options.self
        ? await this.take(account, device, capability)
        : await federation.fetchKeyPackage(server, account, device, capability);
    return { keyPackage: keyPackage ?? null };
  }
}
