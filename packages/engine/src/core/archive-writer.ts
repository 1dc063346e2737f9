/**
 * Writes what this engine keeps into its archive at the homeserver, in the background: one segment after the other, each
 * stored here sealed before it leaves, so that a kill costs nothing. A segment counts when the head names it. What was
 * deleted, or has expired, goes with its segment, which is written anew without it. [F9]
 */
import type { AccountId, ClientResult, Clock, MessageId, RoomId, Timer } from "@fedchat/protocol";
import { encode, limits, ProtocolError } from "@fedchat/protocol";
import type { ArchiveState } from "../interface/index.ts";
import type { HeadSegment } from "../archive/records.ts";
import { archiveHead, deviceOfHead, headRecord } from "../archive/records.ts";
import { sealSegment, segmentOverheadBytes } from "../archive/segment.ts";
import type { WrittenLine } from "../history/lines.ts";
import { timeOf } from "../history/lines.ts";
import type { Item, ItemKind, SegmentRow } from "../store/archive-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { ArchiveKeys, ArchiveKeysPorts } from "./archive-keys.ts";
import { causeOf, causeOfCode } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { HistoryLines } from "./history-lines.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import {
  archiveDelayMs,
  archiveLinesMax,
  archivePauseMs,
  archiveRetryMs,
  archiveSmallSegments,
  archiveTierBytes,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Notices } from "./notices.ts";
import { getSealed, putSealed } from "./sealed-storage.ts";

export interface ArchiveWriterPorts extends ArchiveKeysPorts {
  store: EngineStore;
  homeserver: HomeserverClient;
  archiveKeys: ArchiveKeys;
  lines: HistoryLines;
  clock: Clock;
  changes: Changes;
  notices: Notices;
  log: Log;
  /** Other devices' archives are still read: what comes of them is not to be written one by one. */
  isReading: () => boolean;
}

export class ArchiveWriter {
  readonly #ports: ArchiveWriterPorts;
  #timer: Timer | undefined;
  #working = false;
  #stopped = false;
  /** What the homeserver has was compared with what is known here, in this session. */
  #compared = false;
  /** Why nothing is written now. */
  #fault: ProtocolError | undefined;
  #bytesMax = 0;

  constructor(ports: ArchiveWriterPorts) {
    this.#ports = ports;
  }

  /** As screens are told. */
  state(): Omit<ArchiveState, "read"> {
    const { archive } = this.#ports.store;
    const kept = archive.segments();
    const newest = Math.max(0, ...kept.flatMap((one) => (one.holds === "messages" ? [one.newest] : [])));
    return {
      waiting: archive.dirtyCount() + (archive.upload()?.lines ?? 0),
      bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
      bytesMax: this.#bytesMax,
      newestAt: newest === 0 ? null : newest,
      cause: this.#fault === undefined ? null : causeOf(this.#fault),
    };
  }

  /** A session was opened. */
  resume(): void {
    this.#compared = false;
    this.#ports.archiveKeys.forget();
    this.soon(archivePauseMs);
  }

  /** Looks after a while whether there is something to write. */
  soon(delayMs = archiveDelayMs): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.after(delayMs, () => void this.#work());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #work(): Promise<void> {
    const { homeserver, isReading, identity, log } = this.#ports;
    if (this.#working || this.#stopped) return;
    if (identity.opened === undefined || homeserver.state.kind !== "connected") return;
    if (isReading()) return this.soon();
    this.#working = true;
    let delayMs = archiveDelayMs;
    try {
      if (!this.#compared) await this.#compare();
      if (await this.#writeOne()) delayMs = archivePauseMs;
      else await this.#tidy();
      this.#fault = undefined;
    } catch (error) {
      // A session that broke is no news; the next one goes on.
      this.#fault = error instanceof ProtocolError && error.code !== "unreachable" ? error : undefined;
      if (this.#fault?.code === "quota-exceeded")
        this.#ports.notices.add("warning", causeOfCode("archive-full"));
      const { code } = causeOf(error);
      if (code === "unexpected" && !this.#stopped) log.warn("the archive: failed", { error: String(error) });
      else log.info("the archive: not now", { code });
      delayMs = archiveRetryMs;
    } finally {
      this.#working = false;
      this.soon(delayMs);
    }
  }

  /** Whether there was anything to write. */
  async #writeOne(): Promise<boolean> {
    const { store } = this.#ports;
    const begun = store.archive.upload();
    if (begun === undefined) {
      store.transaction(() => this.#compact());
      if (store.archive.dirtyCount() === 0) return false;
      const key = await this.#ports.archiveKeys.current();
      // Read, sealed and noted in one step: what changes from here on is archived again.
      if (!store.transaction(() => this.#seal("people", key) ?? this.#seal("messages", key))) return true;
    }
    await this.#upload(store.archive.upload()!);
    return true;
  }

  #seal(
    holds: HeadSegment["holds"],
    key: Awaited<ReturnType<ArchiveKeys["current"]>>,
  ): SegmentRow | undefined {
    const { store, primitives, random, identity, clock } = this.#ports;
    const { account, device } = identity.self;
    const items: Item[] = [];
    let text = "";
    let bytes = 0;
    let newest = holds === "people" ? clock.now() : 0;
    for (const item of store.archive.dirty(holds === "people", archiveLinesMax)) {
      const lines = this.#linesOf(item);
      if (lines === undefined) {
        store.archive.drop(item);
        continue;
      }
      const written = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      bytes += byteLength(written);
      if (items.length > 0 && bytes > segmentTextBytesMax) break;
      text += written;
      items.push(item);
      for (const line of lines) if (line.kind === "message") newest = Math.max(newest, timeOf(line.sentAt));
    }
    if (items.length === 0) return undefined;
    const number = store.archive.highestNumber() + 1;
    const place = { account, device, number };
    const upload = sealSegment(primitives, place, key, random.bytes(12), text);
    const row: SegmentRow = {
      ...{ number, holds, hash: primitives.sha256(upload), bytes: upload.length },
      ...{ lines: items.length, newest, stale: 0, upload },
    };
    store.archive.add(row, items);
    return row;
  }

  /** Undefined for what is no more. */
  #linesOf({ kind, key }: Item): WrittenLine[] | undefined {
    const { store, lines } = this.#ports;
    const of: Record<ItemKind, () => (WrittenLine | undefined)[]> = {
      message: () => {
        const row = store.messages.get(key as MessageId);
        return [row && lines.message(row)];
      },
      room: () => {
        const row = store.rooms.get(key as RoomId);
        return [row && lines.room(row, "devices")];
      },
      contact: () => {
        const row = store.accounts.contact(key as AccountId);
        return row === undefined
          ? [undefined]
          : [lines.person(row.account, "devices"), lines.contact(row, "devices")];
      },
      blocked: () => {
        const row = store.accounts.blocked().find(({ account }) => account === key);
        return [row && lines.blocked(row)];
      },
    };
    const written = of[kind]().filter((line) => line !== undefined);
    return written.length === 0 ? undefined : written;
  }

  /** What segments are better written anew: those with something that is no more, mostly outdated ones, many small ones. */
  #compact(): void {
    const { archive } = this.#ports.store;
    const kept = archive.segments();
    const tiers = new Map<string, number[]>();
    for (const { number, holds, bytes, lines, stale, live } of kept) {
      if (live === 0) continue;
      if (stale === 1 || live * 2 < lines) archive.rewrite(number);
      const tier = archiveTierBytes.findIndex((max) => bytes < max);
      if (tier === -1) continue;
      const name = `${holds} ${tier}`;
      tiers.set(name, [...(tiers.get(name) ?? []), number]);
    }
    for (const numbers of tiers.values())
      if (numbers.length >= archiveSmallSegments) for (const number of numbers) archive.rewrite(number);
  }

  async #upload({ number, upload }: SegmentRow): Promise<void> {
    const { store, homeserver } = this.#ports;
    const bytes = upload!;
    for (let held = 0; held < bytes.length;) {
      const piece = bytes.subarray(held, held + limits.archivePieceBytesMax);
      const put = { number, offset: held, total: bytes.length, bytes: piece };
      const next = await homeserver.request("archive.put", put).catch((error: unknown) => {
        // The number is used there: the homeserver has something that this engine knows nothing of.
        if (error instanceof ProtocolError && (error.code === "conflict" || error.code === "not-found"))
          this.#compared = false;
        throw error;
      });
      if (next.held <= held) throw new ProtocolError("malformed", "a piece that was not kept");
      held = next.held;
    }
    await this.#writeHead(number);
    store.transaction(() => store.archive.uploaded(number));
    await this.#dropEmpty();
    this.#ports.changes.status();
  }

  /** Names all segments that hold anything, the new one among them. */
  async #writeHead(added: number | undefined): Promise<void> {
    const { store, identity, clock } = this.#ports;
    const segments = store.archive
      .segments()
      .filter(
        ({ number, live }) => live > 0 && (number === added || store.archive.upload()?.number !== number),
      )
      .map(({ number, holds, hash, bytes, lines, newest }) => ({
        number,
        holds,
        hash,
        bytes,
        lines,
        newest,
      }));
    const name = headRecord(identity.self.device);
    const head = encode(archiveHead, { at: clock.now(), segments });
    try {
      await putSealed(this.#ports, name, head);
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "conflict") throw error;
      // An answer was lost: the version that is there is known after this.
      await getSealed(this.#ports, name);
      await putSealed(this.#ports, name, head);
    }
  }

  /** The head names them no more. */
  async #dropEmpty(): Promise<void> {
    const { store, homeserver, identity } = this.#ports;
    const upload = store.archive.upload()?.number;
    const empty = store.archive
      .segments()
      .filter(({ live, bytes, number }) => live === 0 && bytes > 0 && number !== upload);
    if (empty.length === 0) return;
    const numbers = empty.map(({ number }) => number);
    await homeserver.request("archive.drop", { device: identity.self.device, numbers });
    store.transaction(() => numbers.forEach((number) => store.archive.forget(number)));
  }

  /** A homeserver that was restored, or lies, may lack what the head names: then it is written again. */
  async #compare(): Promise<void> {
    const { store, homeserver, identity } = this.#ports;
    const { device } = identity.self;
    const { segments, bytesMax } = await homeserver.request("archive.list", {});
    this.#bytesMax = bytesMax;
    const there = segments.filter((one) => one.device === device);
    const known = store.archive.segments();
    const upload = store.archive.upload()?.number;
    const lacking = known.filter(
      ({ number, bytes, live }) => live > 0 && number !== upload && !isWhole(there, number, bytes),
    );
    const highest = Math.max(0, ...there.map(({ number }) => number));
    const isTaken =
      upload !== undefined &&
      there.some(
        ({ number, total }) =>
          number > upload ||
          (number === upload && total !== known.find((one) => one.number === upload)!.bytes),
      );
    const strange = there.filter(({ number }) => !known.some((one) => one.number === number));
    store.transaction(() => {
      for (const { number } of lacking) this.#giveUp(number);
      if (isTaken) this.#giveUp(upload);
      if (highest > store.archive.highestNumber()) store.archive.add(placeholder(highest), []);
    });
    if (lacking.length > 0) await this.#writeHead(undefined);
    const numbers = strange.map(({ number }) => number).filter((number) => number !== highest);
    if (numbers.length > 0) await homeserver.request("archive.drop", { device, numbers });
    this.#compared = true;
  }

  /** Within a transaction: what it holds is archived again. */
  #giveUp(number: number): void {
    const { archive } = this.#ports.store;
    archive.rewrite(number);
    archive.forget(number);
  }

  /** Everything is written: archives of devices that are gone are not needed any more. */
  async #tidy(): Promise<void> {
    const { store, homeserver, identity } = this.#ports;
    const listed = identity.record.certificates.map(({ device }) => device);
    const gone = store.archive.readDevices().filter((device) => !listed.includes(device));
    if (gone.length === 0) return;
    const { segments } = await homeserver.request("archive.list", {});
    const { records } = await homeserver.request("sealed.list", {});
    for (const device of gone) {
      const isThere = records.some(({ name }) => deviceOfHead(name) === device);
      const head = encode(archiveHead, { at: this.#ports.clock.now(), segments: [] });
      if (isThere) await putSealed(this.#ports, headRecord(device), head);
      const numbers = segments.filter((one) => one.device === device).map(({ number }) => number);
      await homeserver.request("archive.drop", { device, numbers });
      store.transaction(() => store.archive.forgetRead(device));
    }
  }
}

const segmentTextBytesMax = limits.archiveSegmentBytesMax - segmentOverheadBytes;
const encoder = new TextEncoder();
const byteLength = (text: string): number => encoder.encode(text).length;

type There = ClientResult<"archive.list">["segments"];
function isWhole(there: There, number: number, bytes: number): boolean {
  return there.some((one) => one.number === number && one.total === bytes && one.held === bytes);
}

/** Keeps a number from being given again. */
const placeholder = (number: number): SegmentRow => ({
  ...{ number, holds: "messages", hash: new Uint8Array(32), bytes: 0 },
  ...{ lines: 0, newest: 0, stale: 0, upload: null },
});
