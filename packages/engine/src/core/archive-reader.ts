/**
 * Reads what other devices of the account archived, once, when this engine is new: people first, then messages, the
 * newest first, one transaction a segment, so that it can be used meanwhile and goes on after a kill. Only what a head in
 * sealed storage names counts, by its hash: what the homeserver changed or keeps back shows. [F8] [F10]
 */
import type { DeviceId, RoomId } from "@fedchat/protocol";
import { decode, DecodeError, ProtocolError } from "@fedchat/protocol";
import { z } from "zod";
import type { HeadSegment } from "../archive/records.ts";
import { archiveHead, deviceOfHead, headRecord } from "../archive/records.ts";
import { openSegment } from "../archive/segment.ts";
import type { HistoryLine } from "../history/lines.ts";
import { parseLine, written } from "../history/lines.ts";
import type { WantedSegment } from "../store/archive-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { ArchiveKeys, ArchiveKeysPorts } from "./archive-keys.ts";
import { causeOfCode, engineError } from "./causes.ts";
import { isEqual } from "./credentials.ts";
import type { Changes } from "./changes.ts";
import type { HistoryTaker } from "./history-taker.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Notices } from "./notices.ts";
import { getSealed } from "./sealed-storage.ts";

export interface ArchiveReaderPorts extends ArchiveKeysPorts {
  store: EngineStore;
  homeserver: HomeserverClient;
  archiveKeys: ArchiveKeys;
  taker: HistoryTaker;
  notices: Notices;
  changes: Changes;
  /** Who was in this room is known now. */
  onRoom: (room: RoomId) => void;
}

/** Setting: whether other archives were looked for, and read to their end. */
const setting = "archive-read";
type Stage = "found" | "done";

export class ArchiveReader {
  readonly #ports: ArchiveReaderPorts;
  #reading = false;
  #stopped = false;

  constructor(ports: ArchiveReaderPorts) {
    this.#ports = ports;
  }

  get isDone(): boolean {
    return this.#stage() === "done";
  }

  /** While history comes back: how many messages of how many. Undefined before something was found, and afterwards. */
  get progress(): { done: number; total: number } | undefined {
    if (this.#stage() !== "found") return undefined;
    const { done, total } = this.#ports.store.archive.reading();
    return { done, total };
  }

  stop(): void {
    this.#stopped = true;
  }

  /** With each session, until it is done. Rejects with `ProtocolError`: the next session goes on. */
  async resume(): Promise<void> {
    if (this.#reading || this.isDone) return;
    this.#reading = true;
    try {
      if (this.#stage() === undefined) await this.#find();
      for (;;) {
        const wanted = this.#ports.store.archive.nextWanted();
        if (wanted === undefined || this.#stopped) break;
        await this.#read(wanted);
      }
      if (!this.#stopped) this.#finish();
    } finally {
      this.#reading = false;
    }
  }

  async #find(): Promise<void> {
    const { store, homeserver, identity } = this.#ports;
    const { records } = await homeserver.request("sealed.list", {});
    const own = identity.self.device;
    const found: [DeviceId, HeadSegment[]][] = [];
    let isDamaged = false;
    for (const { name } of records) {
      const device = deviceOfHead(name);
      if (device === undefined || device === own) continue;
      const segments = await this.#head(device);
      if (segments === undefined) isDamaged = true;
      else found.push([device, segments]);
    }
    store.transaction(() => {
      for (const [device, segments] of found) store.archive.want(device, segments);
      this.#enter("found");
    });
    if (isDamaged) this.#warn();
    this.#ports.changes.status();
  }

  /** Undefined for one that this account's devices did not write, or that is older than one seen before. */
  async #head(device: DeviceId): Promise<HeadSegment[] | undefined> {
    try {
      const head = await getSealed(this.#ports, headRecord(device));
      return head === undefined ? undefined : decode(archiveHead, head).segments;
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      if (error instanceof ProtocolError && error.code === "malformed") return undefined;
      throw error;
    }
  }

  async #read(wanted: WantedSegment): Promise<void> {
    const { store, taker, changes, onRoom } = this.#ports;
    const lines = await this.#fetch(wanted);
    store.transaction(() => {
      if (lines === undefined) return store.archive.settle(wanted, "missing");
      const messages = lines.filter((line) => line.kind === "message").length;
      let position = store.history.lowest() - messages;
      for (const line of inOrder(lines)) {
        taker.take(line, "archive", position);
        if (line.kind === "message") position += 1;
      }
      store.archive.settle(wanted, "read");
    });
    for (const room of new Set(lines?.flatMap((line) => (line.kind === "message" ? [line.room] : []))))
      changes.mark("room", room as Parameters<typeof changes.mark<"room">>[1]);
    for (const line of lines ?? []) if (line.kind === "room") onRoom(line.room as RoomId);
    changes.status();
  }

  /** Undefined where the homeserver does not have what the head names. Rejects where it cannot be asked. */
  async #fetch(wanted: WantedSegment): Promise<HistoryLine[] | undefined> {
    const { primitives, identity, archiveKeys } = this.#ports;
    const sealed = await this.#download(wanted);
    if (sealed === undefined || !isEqual(primitives.sha256(sealed), wanted.hash)) return undefined;
    const known = await archiveKeys.all();
    const keyOf = (generation: number) => known.find((one) => one.generation === generation)?.key;
    const { device, number } = wanted;
    const place = { account: identity.account, device, number };
    const text = openSegment(primitives, place, keyOf, sealed);
    return text === undefined ? undefined : parsed(text);
  }

  async #download({ device, number, bytes }: WantedSegment): Promise<Uint8Array | undefined> {
    const { homeserver } = this.#ports;
    const sealed = new Uint8Array(bytes);
    try {
      for (let offset = 0; offset < bytes;) {
        const part = await homeserver.request("archive.get", { device, number, offset });
        if (part.total !== bytes || offset + part.bytes.length > bytes) return undefined;
        sealed.set(part.bytes, offset);
        offset += part.bytes.length;
      }
      return sealed;
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "not-found") return undefined;
      throw error;
    }
  }

  #finish(): void {
    const { store, taker, notices, changes } = this.#ports;
    const { total, missing, newest } = store.archive.reading();
    taker.putInOrder();
    this.#enter("done");
    if (missing > 0) this.#warn();
    // A new device cannot know whether the homeserver brought back an old archive; its person can. [F8]
    else if (total > 0) {
      const at = written(newest).slice(0, 16).replace("T", " ");
      const { data } = engineError("history-back", `Your history came back, up to ${at} (UTC).`);
      notices.add("info", data);
    }
    changes.status();
  }

  #warn(): void {
    this.#ports.notices.add("danger", causeOfCode("archive-damaged"));
  }

  #stage(): Stage | undefined {
    const value = this.#ports.store.identity.setting(setting);
    return value && (new TextDecoder().decode(value) as Stage);
  }

  #enter(stage: Stage): void {
    this.#ports.store.identity.putSetting(setting, new TextEncoder().encode(stage));
  }
}

/** Whom a line speaks of stands before the line. */
function inOrder(lines: HistoryLine[]): HistoryLine[] {
  const ranks = { history: 0, person: 1, blocked: 2, contact: 2, room: 3, message: 4 };
  return lines.toSorted((a, b) => ranks[a.kind] - ranks[b.kind]);
}

/** Undefined where a device of ours wrote something that is no history. */
function parsed(text: string): HistoryLine[] | undefined {
  try {
    return text
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => parseLine(JSON.parse(line)) ?? []);
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
