/**
 * What engines' groups of many did in a run, seen at their port: for whom each message was sealed, and since when each
 * device is in. Checkers hold what people read against it.
 */
import { hash } from "node:crypto";
import type { AccountId, RoomId } from "@fedchat/protocol";
import { decode, decodeContent, DecodeError, partsOf, roomItem } from "@fedchat/protocol";
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";

export interface SealedText {
  room: RoomId;
  epoch: number;
  /** Whoever takes part in that epoch. */
  readers: ReadonlySet<AccountId>;
}

export class RoomWatch {
  /**
   * By text: texts of a run are written once. Where a crash kept one from leaving, or its epoch was lost, it is the last
   * sealing that counts.
   */
  readonly sealed = new Map<string, SealedText>();
  /** For whom each was ever sealed, by text. */
  readonly #readers = new Map<string, ReadonlySet<AccountId>[]>();
  /** And by the very message. */
  readonly #readersOf = new Map<string, ReadonlySet<AccountId>>();
  /** By device and room: the epoch in which it came in last. */
  readonly #since = new Map<string, number>();
  /** Devices and rooms into which they were taken, and twice. */
  readonly #welcomed = new Set<string>();
  readonly #again = new Set<string>();
  /** By device: texts whose own envelopes came and were opened, and for whom those were sealed. */
  readonly #opened = new Map<string, Map<string, ReadonlySet<AccountId>[]>>();

  /** The epoch in which this device came in last; undefined: never. */
  since(device: string, room: RoomId): number | undefined {
    return this.#since.get(`${device} ${room}`);
  }

  /** Whether this device was out of the room, and was taken in again. */
  wasOut(device: string, room: RoomId): boolean {
    return this.#again.has(`${device} ${room}`);
  }

  /** Whether this text came to this device in the message that its writer sent, whoever else handed it on. */
  hasOpened(device: string, text: string): boolean {
    return this.#opened.get(device)?.has(text) === true;
  }

  /** Whether whatever brought this text to this device was for its account; what was handed on, in any of its epochs. */
  mayRead({ name, account }: { name: string; account: AccountId }, text: string): boolean {
    const opened = this.#opened.get(name)?.get(text);
    if (opened !== undefined) return opened.every((readers) => readers.has(account));
    return this.#readers.get(text)?.some((readers) => readers.has(account)) !== false;
  }

  /** @param crypto of one engine, that is no other's */
  watch(crypto: RoomCrypto, device: string): RoomCrypto {
    const encrypt = crypto.encrypt.bind(crypto);
    crypto.encrypt = (state, plaintext, authenticatedData) => {
      const text = textIn(plaintext);
      const { room, participants } = crypto.room(state);
      const readers = new Set(participants.map(({ account }) => account));
      const sealed = encrypt(state, plaintext, authenticatedData);
      if (text !== undefined) {
        this.sealed.set(text, { room, epoch: Number(crypto.epoch(state)), readers });
        this.#readers.set(text, [...(this.#readers.get(text) ?? []), readers]);
        this.#readersOf.set(nameOf(sealed.message), readers);
      }
      return sealed;
    };
    const receive = crypto.receive.bind(crypto);
    crypto.receive = (state, message) => {
      const outcome = receive(state, message);
      const text = outcome.kind === "application" ? textIn(outcome.plaintext) : undefined;
      if (text !== undefined) this.#openedBy(device, text, message);
      return outcome;
    };
    const join = crypto.join.bind(crypto);
    crypto.join = (args) => {
      const outcome = join(args);
      if (outcome.kind === "joined") {
        const name = `${device} ${args.room}`;
        if (this.#welcomed.has(name)) this.#again.add(name);
        this.#welcomed.add(name);
        this.#came(device, args.room, Number(crypto.epoch(outcome.state)));
      }
      return outcome;
    };
    const joinByItself = crypto.joinByItself.bind(crypto);
    crypto.joinByItself = (args) => {
      const outcome = joinByItself(args);
      if (outcome.kind === "joined-externally") this.#came(device, args.room, Number(outcome.after.epoch));
      return outcome;
    };
    return crypto;
  }

  #openedBy(device: string, text: string, message: Uint8Array): void {
    const ofDevice = this.#opened.get(device) ?? new Map<string, ReadonlySet<AccountId>[]>();
    this.#opened.set(device, ofDevice);
    const readers = this.#readersOf.get(nameOf(message));
    ofDevice.set(text, [...(ofDevice.get(text) ?? []), ...(readers === undefined ? [] : [readers])]);
  }

  #came(device: string, room: RoomId, epoch: number): void {
    this.#since.set(`${device} ${room}`, epoch);
  }
}

function nameOf(message: Uint8Array): string {
  return hash("sha256", message);
}

function textIn(plaintext: Uint8Array): string | undefined {
  try {
    const item = decode(roomItem, plaintext);
    if (item.kind !== "message") return undefined;
    const parts = [...partsOf(decodeContent(item.content).body)];
    const part = parts.find((one) => one.cardinality === "single");
    return part?.cardinality === "single" ? Buffer.from(part.content).toString() : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
