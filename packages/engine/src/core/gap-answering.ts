/**
 * Answers who asks this device for missing messages: with what is kept here, as its sender signed it, and only what the
 * asking device was in the room for. Sealed to the question, since others may be there now. [Z3] [Z5]
 */
import type {
  Clock,
  DeviceId,
  MissingAnswer,
  Primitives,
  RandomSource,
  RoomId,
  RoomItem,
} from "@fedchat/protocol";
import {
  encode,
  hpkeXWing,
  limits,
  missingAnswer,
  missingAnswerAad,
  missingAnswerSealInfo,
} from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { ProofRow } from "../store/proofs-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { GroupHistory } from "./group-history.ts";
import type { Identity } from "./identity.ts";
import type { Origin } from "./incoming-messages.ts";
import { wholeItem } from "./kept-proofs.ts";
import {
  answerEveryMs,
  answerPartBytesMax,
  answerPartsMax,
  answersAtOnce,
  askersRememberedMax,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { RoomSender } from "./room-sender.ts";

export interface GapAnsweringPorts {
  store: EngineStore;
  identity: Identity;
  history: GroupHistory;
  sender: RoomSender;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  log: Log;
}

type Ask = Extract<RoomItem, { kind: "ask" }>;
type Why = MissingAnswer["without"][number]["why"];
type Found = { row: ProofRow; item: Uint8Array } | { why: Why };

export class GapAnswering {
  readonly #ports: GapAnsweringPorts;
  /** When each asking device may ask the next time without waiting; the one that asked longest ago first. */
  readonly #askers = new Map<DeviceId, number>();
  #stopped = false;

  constructor(ports: GapAnsweringPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Nobody learns that we are there before we have joined. Of somebody who asks too much nothing more is heard. */
  asked(room: RoomRow, origin: Origin, ask: Ask): void {
    const { identity, clock, log } = this.#ports;
    if (room.state !== "open" || ask.to !== identity.self.device || !this.#allows(origin.device)) return;
    clock.soon(() => {
      if (this.#stopped) return;
      try {
        this.#answer(room.id, origin, ask);
      } catch (error) {
        // Whoever asked asks again.
        log.info("a question for missing messages was not answered", { error: String(error) });
      }
    });
  }

  #allows(device: DeviceId): boolean {
    const now = this.#ports.clock.now();
    const next = Math.max(this.#askers.get(device) ?? 0, now - answersAtOnce * answerEveryMs) + answerEveryMs;
    if (next > now) return false;
    this.#askers.delete(device);
    this.#askers.set(device, next);
    for (const oldest of this.#askers.keys()) {
      if (this.#askers.size <= askersRememberedMax) break;
      this.#askers.delete(oldest);
    }
    return true;
  }

  #answer(roomId: RoomId, { account, device }: Origin, ask: Ask): void {
    const { store, sender, primitives, random } = this.#ports;
    const room = store.rooms.get(roomId);
    if (room?.state !== "open") return;
    const parts = this.#parts(roomId, device, ask);
    const options = { recipientPublicKey: ask.key, info: missingAnswerSealInfo, random };
    for (const [index, part] of parts.entries()) {
      const plaintext = encode(missingAnswer, { ...part, more: index + 1 < parts.length });
      const sealed = hpkeXWing(primitives).sealOnce(options, missingAnswerAad(roomId, ask.id), plaintext);
      if (sealed === undefined) return;
      const item = { kind: "refill", id: ask.id, ...sealed } as const;
      sender.send(room, item, { purpose: "status", subject: "" }, () => undefined, account);
    }
  }

  #parts(room: RoomId, asker: DeviceId, { of, first, last, held }: Ask): Omit<MissingAnswer, "more">[] {
    const { store } = this.#ports;
    const hasContext = new Set(held);
    let part: Omit<MissingAnswer, "more"> = { contexts: [], messages: [], without: [] };
    let bytes = 0;
    const parts = [part];
    for (let counter = first; counter <= last; counter++) {
      const found = this.#find(room, asker, of, counter);
      if ("why" in found) {
        addWithout(part.without, counter, found.why);
        continue;
      }
      const { groupId, epoch, leaf, created, signature } = found.row;
      const known = part.contexts.some((one) => one.epoch === epoch) || hasContext.has(epoch);
      const context = known ? undefined : store.proofs.epoch(groupId, epoch)?.context;
      const size = found.item.length + (context?.length ?? 0) + itemOverheadBytes;
      if (bytes > 0 && bytes + size > answerPartBytesMax) {
        if (parts.length === answerPartsMax) break;
        part = { contexts: [], messages: [], without: [] };
        parts.push(part);
        bytes = 0;
        counter--;
        continue;
      }
      bytes += size;
      if (context !== undefined && part.contexts.length < limits.heldEpochsMax)
        part.contexts.push({ epoch, context });
      part.messages.push({ epoch, leaf, created, item: found.item, signature });
    }
    return parts;
  }

  #find(room: RoomId, asker: DeviceId, of: DeviceId, counter: number): Found {
    const { store, history, identity } = this.#ports;
    const row = store.proofs.get(room, of, counter);
    if (row === undefined) {
      if (of !== identity.self.device) return { why: "absent" };
      return { why: counter > (store.missing.counter(room, of)?.highest ?? 0) ? "never" : "gone" };
    }
    if (!history.wasThere(row.groupId, asker, row.epoch)) {
      // Only the sender's own word ends a search.
      return { why: of === identity.self.device ? "not-yours" : "absent" };
    }
    if (row.signature.length === 0) return { why: "expired" };
    const content = store.messages.get(row.message)?.content ?? null;
    if (content === null) return { why: "gone" };
    const item = wholeItem(row, content);
    // With its seals it would not fit an envelope: nothing that is written here is so long.
    return item.length > answerPartBytesMax ? { why: "gone" } : { row, item };
  }
}

/** Names, numbers and the signature of one message. */
const itemOverheadBytes = 200;

function addWithout(without: MissingAnswer["without"], counter: number, why: Why): void {
  const last = without.at(-1);
  if (last?.why === why && last.last === counter - 1) last.last = counter;
  else without.push({ first: counter, last: counter, why });
}
