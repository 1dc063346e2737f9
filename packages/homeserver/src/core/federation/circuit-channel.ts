/**
 * One end of a circuit as a carrier of frames, like a WebSocket: frames are cut into pieces as credit allows, and put
 * together again. Invariants: frames keep their order and come whole or not at all; what is held of an unfinished frame
 * is bounded by the largest one; credit goes back as pieces are taken, since a frame may be larger than the window. Who
 * is at the other end the handshake over this carrier proves; nothing here does. [C1] [C5]
 */
import type { ByteChannel, CircuitPiece } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { circuitCreditBytes, circuitFrameBytesMax, circuitPieceBytesMin } from "../limits.ts";
import type { CircuitEnd, Leg, LegTaker } from "./circuit-legs.ts";
import { CircuitWindow, pieceCost } from "./circuit-window.ts";

export class CircuitChannel implements ByteChannel {
  /** Called before `onClose` where it was not this side that closed. */
  onEnded: ((end: CircuitEnd) => void) | undefined;
  readonly #leg: Leg;
  readonly #over: () => void;
  readonly #sending = new CircuitWindow();
  readonly #receiving = new CircuitWindow();
  readonly #frame = new FrameBuilder();
  /** Frames that wait for credit; of the first, `#sent` bytes are gone. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #sent = 0;
  #owed = 0;
  #closed = false;
  #onMessage: ((frame: Uint8Array) => void) | undefined;
  #onClose: ((reason: string) => void) | undefined;
  /** What came with the word that the circuit is open, before anybody could listen; undefined from then on. */
  #early: Uint8Array[] | undefined = [];
  #untoldReason: string | undefined;

  /**
   * Takes over the leg: from now on its pieces are this channel's.
   * @param over called once, whoever closed
   */
  constructor(leg: Leg, over: () => void) {
    this.#leg = leg;
    this.#over = over;
    leg.taker = this.#taker();
  }

  get onMessage(): ((frame: Uint8Array) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((frame: Uint8Array) => void) | undefined) {
    this.#onMessage = listener;
    if (this.#early?.length === 0) this.#early = undefined;
    else if (this.#early !== undefined) queueMicrotask(() => this.#tellEarly());
  }

  get onClose(): ((reason: string) => void) | undefined {
    return this.#onClose;
  }

  set onClose(listener: ((reason: string) => void) | undefined) {
    this.#onClose = listener;
    if (this.#untoldReason !== undefined) queueMicrotask(() => this.#tellEarly());
  }

  send(frame: Uint8Array): void {
    if (this.#closed || frame.length === 0) return;
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    this.#pump();
  }

  /** What waits for credit, and what waits on the connection that carries it. */
  bufferedBytes(): number {
    return this.#waitingBytes + this.#leg.connection.bufferedBytes;
  }

  close(reason = "closed"): void {
    if (this.#closed) return;
    this.#leg.close({ code: reason, at: undefined });
    this.#end(reason);
  }

  #taker(): LegTaker {
    return {
      opened: () => this.#violated(),
      credited: (cost) => {
        if (!this.#sending.giveBack(cost)) return this.#violated();
        this.#pump();
      },
      piece: (piece) => this.#take(piece),
      ended: (end) => {
        this.onEnded?.(end);
        this.#end(end.code);
      },
    };
  }

  #pump(): void {
    for (let frame = this.#waiting[0]; frame !== undefined; frame = this.#waiting[0]) {
      const rest = frame.length - this.#sent;
      const room = this.#sending.left - pieceCost(0);
      if (room < Math.min(rest, circuitPieceBytesMin)) return;
      const size = Math.min(rest, room, limits.circuitPieceBytesMax);
      this.#sending.pay(pieceCost(size));
      const piece = frame.subarray(this.#sent, this.#sent + size);
      this.#sent += size;
      this.#waitingBytes -= size;
      if (size === rest) {
        this.#waiting.shift();
        this.#sent = 0;
      }
      this.#leg.piece(size === rest, piece);
      // Sending may have ended the connection, and with it this circuit.
      if (this.#closed) return;
    }
  }

  #take({ last, bytes }: CircuitPiece): void {
    const cost = pieceCost(bytes.length);
    if (!this.#receiving.pay(cost) || !this.#frame.add(bytes)) return this.#violated();
    this.#owed += cost;
    if (last) this.#tell(this.#frame.finish());
    // What nobody listens to yet is bounded by getting no credit for it.
    if (this.#closed || this.#early !== undefined || this.#owed < circuitCreditBytes) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.#receiving.giveBack(owed);
    this.#leg.credit(owed);
  }

  #tell(frame: Uint8Array): void {
    if (this.#early === undefined) this.#onMessage?.(frame);
    else this.#early.push(frame);
  }

  #tellEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.#onMessage?.(frame);
    if (this.#untoldReason === undefined || this.#onClose === undefined) return;
    const reason = this.#untoldReason;
    this.#untoldReason = undefined;
    this.#onClose(reason);
  }

  #violated(): void {
    if (this.#closed) return;
    const end = { code: "malformed", at: undefined };
    this.#leg.close(end);
    this.onEnded?.(end);
    this.#end(end.code);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#over();
    if (this.#onClose === undefined) this.#untoldReason = reason;
    else this.#onClose(reason);
  }
}

/** Puts a frame together in one array that grows: a list of pieces could cost far more than their bytes. */
class FrameBuilder {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** False where the frame would be larger than any may be. */
  add(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > circuitFrameBytesMax) return false;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(circuitFrameBytesMax, Math.max(length, this.#length * 2)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    return true;
  }

  /** The frame, which is its receiver's from now on. */
  finish(): Uint8Array {
    const frame = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return frame;
  }
}
