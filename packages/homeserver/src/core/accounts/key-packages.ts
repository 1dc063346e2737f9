/**
 * Key packages: stocked by each device for each kind of room, given out once each to holders of the account's
 * capability; the last-resort ones stay. [H15]
 */
import type { ClientParams, KeyPackageClaim, ServerId } from "@fedchat/protocol";
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
    { suite, packages, lastResort, capability }: ClientParams<"keyPackages.put">,
  ): Promise<{ stocked: number }> {
    const { store, commit, disk } = this.#options;
    disk.admitNewWork();
    const held = await store.keyPackageCount(account.id, device, suite);
    if (held + packages.length > limits.keyPackagesStockedMax) throw new ProtocolError("quota-exceeded");
    await commit.add([
      { op: "keyPackages.put", account: account.id, device, suite, packages, lastResort, capability },
    ]);
    return this.count({ account, device }, { suite });
  }

  async count(
    { account, device }: Pick<Identity, "account" | "device">,
    { suite }: ClientParams<"keyPackages.count">,
  ): Promise<{ stocked: number }> {
    return { stocked: await this.#options.store.keyPackageCount(account.id, device, suite) };
  }

  /** Takes one of an account that lives here; undefined where there is none for this capability. */
  async take({ account, device, suite, capability }: KeyPackageClaim): Promise<Uint8Array | undefined> {
    const { accounts, commit } = this.#options;
    if (accounts.get(account)?.devices.has(device) !== true) return undefined;
    const [taken] = await commit.add([{ op: "keyPackages.take", account, device, suite, capability }]);
    if (taken?.op !== "keyPackages.take") throw new Error("the store answered another operation");
    return taken.keyPackage;
  }

  async fetch(
    federation: Pick<Federation, "fetchKeyPackage" | "heir">,
    { server, ...claim }: ClientParams<"keyPackages.fetch">,
  ): Promise<{ keyPackage: Uint8Array | null }> {
    const keyPackage =
      federation.heir(server) === this.#options.self
        ? await this.take(claim)
        : await federation.fetchKeyPackage(server, claim);
    return { keyPackage: keyPackage ?? null };
  }
}
