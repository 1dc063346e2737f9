/**
 * Archives: sealed segments that an account's devices keep here, so that a new device finds the account's history. The
 * homeserver counts bytes and numbers and can read nothing of it. [F6]
 */
import type { ClientParams, ClientResult } from "@fedchat/protocol";
import { limits, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { archiveBytesMax } from "../limits.ts";
import type { Account } from "./account-book.ts";
import type { FullDisk } from "./full-disk.ts";
import type { Identity } from "./session.ts";

export interface ArchivesOptions {
  store: Pick<HomeserverStore, "archiveList" | "archivePart">;
  commit: GroupCommit;
  disk: FullDisk;
}

export class Archives {
  readonly #options: ArchivesOptions;

  constructor(options: ArchivesOptions) {
    this.#options = options;
  }

  async list(account: Account): Promise<ClientResult<"archive.list">> {
    const segments = await this.#options.store.archiveList(account.id);
    return { segments, bytesMax: archiveBytesMax };
  }

  /**
   * A piece of a segment of the calling device, which is kept where it continues what is held; answered with what is held
   * then. Rejects with `conflict` for a number that the device gave before, with `quota-exceeded`.
   */
  async put(
    { account, device }: Pick<Identity, "account" | "device">,
    piece: ClientParams<"archive.put">,
  ): Promise<{ held: number }> {
    const { store, commit, disk } = this.#options;
    const { number, offset, total, bytes } = piece;
    disk.admitNewWork();
    if (number === 0 || offset + bytes.length > total)
      throw new ProtocolError("malformed", "a piece beyond its segment's end");
    const segments = await store.archiveList(account.id);
    const begun = segments.find((one) => one.device === device && one.number === number);
    if (begun === undefined) this.#admitNew(segments, device, piece);
    else if (begun.total !== total) throw new ProtocolError("conflict", "The segment has another length.");
    if (begun !== undefined && begun.held !== offset) return { held: begun.held };
    try {
      const op = { op: "archive.put", account: account.id, device, number, offset, total, bytes } as const;
      const [result] = await commit.add([op]);
      if (result?.op !== "archive.put") throw new Error("the store answered another operation");
      return { held: result.held };
    } catch (error) {
      disk.saw(error);
      throw error;
    }
  }

  async get(account: Account, params: ClientParams<"archive.get">): Promise<ClientResult<"archive.get">> {
    const { device, number, offset } = params;
    const part = await this.#options.store.archivePart({ account: account.id, device, number }, offset);
    if (part === undefined) throw new ProtocolError("not-found");
    return part;
  }

  /** Of any device of the account, also one that is gone. */
  async drop(account: Account, params: ClientParams<"archive.drop">): Promise<Record<never, never>> {
    await this.#options.commit.add([{ op: "archive.drop", account: account.id, ...params }]);
    return {};
  }

  #admitNew(
    segments: Awaited<ReturnType<HomeserverStore["archiveList"]>>,
    device: Identity["device"],
    { number, offset, total }: ClientParams<"archive.put">,
  ): void {
    if (offset !== 0) throw new ProtocolError("not-found", "Nothing of this segment is here.");
    if (segments.some((one) => one.device === device && one.number >= number))
      throw new ProtocolError("conflict", "This number is not the next one.");
    const bytes = segments.reduce((sum, one) => sum + one.total, total);
    if (bytes > archiveBytesMax || segments.length >= limits.archiveSegmentsMax)
      throw new ProtocolError("quota-exceeded");
  }
}
