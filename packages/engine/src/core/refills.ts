/**
 * Takes messages that somebody handed on. Each is taken only where it verifies as its sender's, of this room and of the
 * counter that is missing, agrees with the messages before and behind it, and is from when this device was there. What
 * the answering device says besides is its word: the sender's own ends a search, another's does not. [Z3] [Z4] [Z5]
 */
import type { AccountId, MissingAnswer, Primitives, RoomItem } from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  hpkeXWing,
  missingAnswer,
  missingAnswerAad,
  missingAnswerSealInfo,
} from "@fedchat/protocol";
import type { Clock } from "@fedchat/protocol";
import type { MessageProof, RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { AskRow } from "../store/missing-table.ts";
import type { GroupMemberRow } from "../store/proofs-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { uncount } from "./counters.ts";
import type { GapAsking } from "./gap-asking.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { IncomingMessages, Origin } from "./incoming-messages.ts";
import type { Log } from "./log.ts";
import { type OpenedMessage, openItem } from "./opened-items.ts";

export interface RefillsPorts {
  store: EngineStore;
  identity: Identity;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "groupId" | "suite" | "proves">;
  incoming: IncomingMessages;
  asking: GapAsking;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  log: Log;
}

type Handed = MissingAnswer["messages"][number];

/** What is asked for, and of which group. */
interface Search {
  room: RoomRow;
  ask: AskRow;
  groupId: Uint8Array;
  suite: MessageProof["suite"];
  /** Who hands it on. */
  from: AccountId;
}

export class Refills {
  readonly #ports: RefillsPorts;

  constructor(ports: RefillsPorts) {
    this.#ports = ports;
  }

  /** Within the transaction that spends the item's key. */
  take(room: RoomRow, { account, device }: Origin, refill: Extract<RoomItem, { kind: "refill" }>): void {
    const { store, groups, roomCrypto, asking } = this.#ports;
    const ask = store.missing.askById(refill.id);
    const state = groups.of(room.id);
    if (ask === undefined || ask.room !== room.id || ask.whom !== device || state === undefined) return;
    const answer = this.#open(room, ask, refill);
    if (answer === undefined) return asking.answered(ask, { progress: false, more: false });
    const [groupId, suite] = [roomCrypto.groupId(state), roomCrypto.suite(state)];
    const search = { room, ask, groupId, suite, from: account };
    const contexts = new Map(answer.contexts.map(({ epoch, context }) => [epoch, context]));
    let progress = false;
    for (const handed of answer.messages) {
      const fault = this.#takeOne(search, handed, contexts.get(handed.epoch));
      if (fault === undefined) progress = true;
      else this.#ports.log.info("a message that was handed on is not taken", { room: room.id, fault });
    }
    if (device === ask.device && this.#settle(search, answer.without)) progress = true;
    asking.answered(ask, { progress, more: answer.more && progress });
  }

  #open(
    room: RoomRow,
    ask: AskRow,
    { id, encapsulation, ciphertext }: Extract<RoomItem, { kind: "refill" }>,
  ): MissingAnswer | undefined {
    if (ask.seed === null) return undefined;
    const options = { encapsulation, recipientPrivateKey: ask.seed, info: missingAnswerSealInfo };
    const opened = hpkeXWing(this.#ports.primitives).openOnce(
      options,
      missingAnswerAad(room.id, id),
      ciphertext,
    );
    try {
      return opened && decode(missingAnswer, opened);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  /** Why it is not taken; undefined where it was. */
  #takeOne(search: Search, handed: Handed, context: Uint8Array | undefined): string | undefined {
    const { store, identity, roomCrypto, incoming, clock } = this.#ports;
    const { room, ask, groupId, suite, from } = search;
    const { epoch, leaf, created, item: plaintext, signature } = handed;
    const opened = openItem(plaintext);
    if (opened?.kind !== "message") return "no message";
    const { counter } = opened.item;
    const gap = store.missing.gapOf(room.id, ask.device, counter);
    if (gap === undefined) return "not missing";
    const member = store.proofs.memberIn(groupId, ask.device, epoch);
    if (member === undefined) return "its sender was not in the room then";
    if (store.proofs.memberIn(groupId, identity.self.device, epoch) === undefined)
      return "from when this device was not in the room";
    const signedUnder = store.proofs.epoch(groupId, epoch)?.context ?? context;
    if (signedUnder === undefined) return "what it was signed under is missing";
    const { key: signatureKey } = member;
    const proof = {
      ...{ suite, groupId, epoch: BigInt(epoch), leaf, signatureKey, context: signedUnder, signature },
    };
    if (!roomCrypto.proves(proof, plaintext)) return "not signed by its sender";
    const fault = this.#chainFault(search, member, opened);
    if (fault !== undefined) return fault;
    const origin = { account: member.account, device: ask.device, created: Math.min(created, clock.now()) };
    const position = store.messages.latePosition(room.id, ask.device, { counter, before: gap.before });
    incoming.add(room, origin, opened, { plaintext, proof }, { position, from });
    return undefined;
  }

  /** Each message names the one before it: who signed two for one place is not believed. */
  #chainFault({ room, ask }: Search, { account }: GroupMemberRow, opened: OpenedMessage): string | undefined {
    const { store, incoming } = this.#ports;
    const { counter, previous } = opened.item;
    const before = store.proofs.get(room.id, ask.device, counter - 1);
    const next = store.proofs.get(room.id, ask.device, counter + 1);
    if (before !== undefined && before.message !== previous) return "names another message before it";
    const id = incoming.idOf(room.id, { account }, opened);
    return next === undefined || next.previous === id ? undefined : "the one behind it names another";
  }

  /** What the sender's own device says of its messages. False where that settles nothing. */
  #settle({ room, ask }: Search, without: MissingAnswer["without"]): boolean {
    const { store } = this.#ports;
    let settled = false;
    for (const { first, last, why } of without) {
      if (why === "never") {
        uncount(store, room.id, ask.device, first);
        settled = true;
      } else if (why === "not-yours" || why === "expired") {
        if (store.missing.close(room.id, ask.device, first, last)) settled = true;
      } else store.missing.makeSure(room.id, ask.device);
    }
    return settled;
  }
}
