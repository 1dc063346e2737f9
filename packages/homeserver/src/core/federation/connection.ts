/**
 * One open connection to another homeserver: messages decoded, round trips measured, silence noticed, an orderly
 * farewell. Invariants: the first message of either side is `trust` (or `bye`); a peer that does not read is cut off
 * before it costs memory; faults are counted, and too many end the connection; while an answer is due, silence is
 * noticed soon. Whether the carrier is direct or passes relays makes no difference here. [L7] to [L12] [C10]
 */
import type {
  CircuitPiece,
  Clock,
  LinkControl,
  ProvedServer,
  SecureChannel,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import {
  decodeLinkMessage,
  encodeLinkBundle,
  encodeLinkControl,
  errorCodes,
  limits,
  ProtocolError,
} from "@fedchat/protocol";
import type { ErrorCode } from "@fedchat/protocol";
import {
  connectionFaultsMax,
  linkConfirmMs,
  linkPingMs,
  linkUnreadBytesMax,
  probeAfterMs,
  probeAnswerMs,
  probeBytesPerMs,
} from "../limits.ts";

export interface ConnectionListener {
  control(control: LinkControl): void;
  bundle(bundle: Uint8Array): void;
  piece(piece: CircuitPiece): void;
  /** All messages that came together were handed over. */
  batchEnd(): void;
  closed(error: ProtocolError): void;
}

export class Connection {
  readonly server: ProvedServer;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  /** The relays that it passes, in order from here; of one that was opened to us only the nearest is known. */
  readonly via: readonly ServerId[];
  readonly openedAt: number;
  /** Resolves with the peer's first `trust`; rejects with why it ended before. */
  readonly confirmation: Promise<void>;
  roundTripMs: number | undefined;
  /** When the peer was last heard, heartbeats included; undefined before its first `trust`. */
  heardAt: number | undefined;
  readonly #channel: SecureChannel;
  readonly #clock: Clock;
  readonly #settle: { resolve: () => void; reject: (error: ProtocolError) => void };
  #listener: ConnectionListener | undefined;
  #confirmed = false;
  #ended = false;
  #faults = 0;
  #timer: Timer;
  #ping: { id: number; at: number } | undefined;
  /** The ping that was unanswered at the last beat. */
  #beatPing: number | undefined;
  #pings = 0;
  /** Bytes that the peer is yet to acknowledge, and when that is too long ago. */
  #expected = 0;
  #probe: Timer | undefined;
  #farewell = false;
  #turnedAway = false;

  constructor(
    channel: SecureChannel,
    server: ProvedServer,
    { dialled, via }: { dialled: boolean; via: readonly ServerId[] },
    clock: Clock,
  ) {
    this.#channel = channel;
    this.server = server;
    this.dialled = dialled;
    this.via = via;
    this.#clock = clock;
    this.openedAt = clock.now();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.confirmation = promise;
    promise.catch(() => undefined);
    this.#settle = { resolve, reject };
    channel.onMessages = (messages) => this.#receive(messages);
    channel.onClose = (reason) => this.#end(closedError(reason));
    this.#timer = clock.after(linkConfirmMs, () => this.close("unreachable"));
  }

  get confirmed(): boolean {
    return this.#confirmed && !this.#ended;
  }

  get closed(): boolean {
    return this.#ended;
  }

  /** Whether it ended, or is ending, by somebody's word: nothing broke. */
  get farewell(): boolean {
    return this.#farewell;
  }

  /** Whether the peer ended it by saying that it lets us in no more: then it has not linked us. [L13] */
  get turnedAway(): boolean {
    return this.#turnedAway;
  }

  /** Bytes that wait for the wire. */
  get bufferedBytes(): number {
    return this.#channel.bufferedBytes;
  }

  /** The X25519 key that the handshake proved. */
  get noiseKey(): Uint8Array {
    return this.server.record.noiseKey;
  }

  /** Whoever sends much waits while this is true. */
  get congested(): boolean {
    return this.#channel.bufferedBytes >= limits.channelBufferedBytesMax;
  }

  /** Set once, before the first await after the connection was made. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  send(control: LinkControl): void {
    this.#send(encodeLinkControl(control));
  }

  sendBundle(bundle: Uint8Array): void {
    this.#send(encodeLinkBundle(bundle));
  }

  /** @param message an encoded piece of a circuit */
  sendPiece(message: Uint8Array): void {
    this.#send(message);
  }

  /** So many bytes were sent that the peer acknowledges: if it does not, whether it is still there is asked soon. [C10] */
  expectsReply(bytes: number): void {
    this.#expected += bytes;
    if (this.#probe === undefined) this.#probeLater();
  }

  /** The peer acknowledged something. @param expected bytes that it has not acknowledged yet */
  replied(expected: number): void {
    this.#expected = expected;
    this.#probe?.cancel();
    this.#probe = undefined;
    if (expected > 0) this.#probeLater();
  }

  /** Asks for a sign of life now, and ends the connection where none comes soon. */
  probe(): void {
    if (this.#ended || !this.#confirmed) return;
    if (this.#ping === undefined) this.#sendPing();
    const asked = this.#ping;
    const patienceMs = probeAnswerMs + Math.ceil(this.#expected / probeBytesPerMs);
    this.#probe?.cancel();
    this.#probe = this.#clock.after(patienceMs, () => {
      this.#probe = undefined;
      if (this.#ping === asked) this.close("unreachable");
      else if (this.#expected > 0) this.#probeLater();
    });
  }

  /** Counts something wrong in what the peer sent; too much of it ends the connection. */
  fault(): void {
    this.#faults += 1;
    if (this.#faults > connectionFaultsMax) this.close("malformed");
  }

  /** Says why, then closes. `closing`, `replaced` and error codes. [L12] */
  close(code: ErrorCode | "closing" | "replaced"): void {
    if (this.#ended) return;
    this.#farewell = code !== "unreachable";
    this.#channel.send(encodeLinkControl({ kind: "bye", code }));
    const error = byeError(code);
    this.#end(error);
    this.#channel.close(code);
  }

  #send(message: Uint8Array): void {
    if (this.#ended) return;
    this.#channel.send(message);
    if (this.#channel.bufferedBytes > linkUnreadBytesMax) this.close("unreachable");
  }

  #receive(messages: Uint8Array[]): void {
    for (const message of messages) {
      if (this.#ended) return;
      try {
        const decoded = decodeLinkMessage(message);
        if (decoded.kind === "control") this.#control(decoded.control);
        else if (!this.#confirmed) this.close("malformed");
        else if (decoded.kind === "circuit") this.#listener?.piece(decoded.piece);
        else this.#listener?.bundle(decoded.bundle);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.fault();
      }
    }
    if (this.#ended) return;
    if (this.#confirmed) this.heardAt = this.#clock.now();
    this.#listener?.batchEnd();
  }

  #control(control: LinkControl): void {
    if (control.kind === "bye") {
      this.#farewell = control.code !== "unreachable";
      this.#turnedAway = control.code === "blocked" || control.code === "not-allowed";
      this.#end(byeError(control.code));
      return this.#channel.close("closing");
    }
    if (!this.#confirmed) {
      if (control.kind !== "trust") return this.close("malformed");
      this.#confirmed = true;
      this.#settle.resolve();
      this.#timer.cancel();
      this.#beat();
    }
    if (control.kind === "ping") return this.send({ kind: "pong", id: control.id });
    if (control.kind === "pong") return this.#pong(control.id);
    this.#listener?.control(control);
  }

  /** Asks for a sign of life, and ends the connection where the last beat's was not answered. */
  #beat(): void {
    if (this.#ping !== undefined && this.#ping.id === this.#beatPing) return this.close("unreachable");
    if (this.#ping === undefined) this.#sendPing();
    this.#beatPing = this.#ping?.id;
    this.#timer = this.#clock.after(linkPingMs, () => this.#beat());
  }

  #sendPing(): void {
    this.#ping = { id: this.#pings, at: this.#clock.now() };
    this.#pings += 1;
    this.send({ kind: "ping", id: this.#ping.id });
  }

  #probeLater(): void {
    if (this.#ended) return;
    this.#probe = this.#clock.after(probeAfterMs, () => this.probe());
  }

  #pong(id: number): void {
    if (this.#ping?.id !== id) return;
    this.roundTripMs = Math.max(0, this.#clock.now() - this.#ping.at);
    this.#ping = undefined;
  }

  #end(error: ProtocolError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer.cancel();
    this.#probe?.cancel();
    this.#settle.reject(error);
    this.#listener?.closed(error);
  }
}

function byeError(code: string): ProtocolError {
  if ((errorCodes as string[]).includes(code)) return new ProtocolError(code as ErrorCode);
  return new ProtocolError("unreachable", "The other side closed the connection.");
}

function closedError(reason: string): ProtocolError {
  return new ProtocolError("unreachable", `The connection ended: ${reason.slice(0, 120)}`);
}
