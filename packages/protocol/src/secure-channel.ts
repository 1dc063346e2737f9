/**
 * An encrypted, mutually authenticated channel over any carrier of frames: hello, Noise, then sealed batches. Links
 * between homeservers and device sessions are both this. Whoever holds a `SecureChannel` knows which static key is at
 * the other end, and where that end is a homeserver, that its signed record binds that key to its identity. What is
 * sent within one turn is sealed once. [L1] to [L6]
 */
import { decode, encode } from "./cbor/codec.ts";
import type { Hello, OpeningFrame, ServerProof } from "./channel.ts";
import {
  channelPrologue,
  decodeOpening,
  encodeOpening,
  hello as helloCodec,
  protocolVersion,
  serverProof,
} from "./channel.ts";
import { fromWireError, ProtocolError, toWireError } from "./errors.ts";
import type { ServerId } from "./names.ts";
import { BatchWriter, createHandshake, decodeBatch, sealedFrameBytesMax } from "./noise/index.ts";
import type { Handshake, Session } from "./noise/index.ts";
import type { ByteChannel, Clock, RandomSource } from "./ports.ts";
import type { Primitives } from "./primitives/primitives.ts";
import type { ServerRecord } from "./server-record.ts";
import { serverRecord } from "./server-record.ts";

/** An opening that is not complete by then is abandoned, on both sides. */
export const openingTimeoutMs = 10_000;

export interface ChannelPorts {
  primitives: Primitives;
  random: RandomSource;
  clock: Clock;
}

/** The homeserver at the other end, proved. */
export interface ProvedServer {
  record: ServerRecord;
  signed: Uint8Array;
  features: string[];
}

export interface DialOptions extends ChannelPorts {
  channel: ByteChannel;
  protocol: Hello["protocol"];
  expects: ServerId;
  /** The answerer's X25519 key where it is known: IK; else XX. */
  noiseKey: Uint8Array | undefined;
  /** Our X25519 private key. */
  staticKey: Uint8Array;
  /** Our own signed server record; links only. */
  record: Uint8Array | undefined;
  features: string[];
}

export interface AnswerOptions extends ChannelPorts {
  channel: ByteChannel;
  protocol: Hello["protocol"];
  self: ServerId;
  staticKey: Uint8Array;
  /** Our own signed server record. */
  record: () => Uint8Array;
  features: string[];
}

/**
 * Opens a channel as its dialler. Rejects with a `ProtocolError`: `wrong-server-key`, `unsupported-version`,
 * `handshake-failed` (with a known key: the answerer's may have changed, dial again without it), `not-fedchat`,
 * `unreachable`, or what the answerer refused with.
 */
export async function dialChannel(options: DialOptions): Promise<SecureChannel & { server: ProvedServer }> {
  const pattern = options.noiseKey === undefined ? "XX" : "IK";
  const helloBytes = encode(helloCodec, {
    protocol: options.protocol,
    versions: [protocolVersion],
    features: options.features,
    pattern,
    expects: options.expects,
  });
  const noise = createHandshake({
    pattern,
    role: "initiator",
    prologue: channelPrologue(helloBytes),
    staticKey: options.staticKey,
    ...(options.noiseKey === undefined ? {} : { remoteStaticKey: options.noiseKey }),
    primitives: options.primitives,
    random: options.random,
  });
  const proof = ownProof(options.record, options.features);
  const frames = new OpeningFrames(options.channel, options.clock);
  try {
    const first = write(noise, pattern === "IK" ? proof : empty);
    frames.send({ hello: helloBytes, noise: first.message });
    const answer = await frames.next();
    if (answer.refused !== undefined) throw fromWireError(answer.refused);
    const second = read(noise, answer.noise);
    const server = provedServer(options.primitives, second.payload, noise.remoteStaticKey, options.expects);
    const session = second.session ?? finish(frames, write(noise, proof));
    return Object.assign(new SecureChannel(frames.release(), session, options.clock), { server });
  } catch (error) {
    throw frames.fail(error);
  }
}

/**
 * Opens a channel as its answerer. For links the dialler is a proved homeserver; for client sessions `server` is
 * undefined and the device proves itself in its first request. Rejects with a `ProtocolError` after telling the
 * dialler the code in the clear.
 */
export async function answerChannel(
  options: AnswerOptions,
): Promise<SecureChannel & { server: ProvedServer | undefined }> {
  const frames = new OpeningFrames(options.channel, options.clock);
  try {
    const opening = await frames.next();
    const helloBytes = opening.hello;
    if (helloBytes === undefined) throw new ProtocolError("malformed", "opening without a hello");
    const said = decode(helloCodec, helloBytes);
    if (said.protocol !== options.protocol) throw new ProtocolError("malformed", "hello of another protocol");
    if (!said.versions.includes(protocolVersion)) throw new ProtocolError("unsupported-version");
    if (said.expects !== options.self) throw new ProtocolError("wrong-server-key");
    const noise = createHandshake({
      pattern: said.pattern,
      role: "responder",
      prologue: channelPrologue(helloBytes),
      staticKey: options.staticKey,
      primitives: options.primitives,
      random: options.random,
    });
    const first = read(noise, opening.noise);
    const second = write(noise, ownProof(options.record(), options.features));
    frames.send({ noise: second.message });
    let theirPayload = first.payload;
    let session = second.session;
    if (session === undefined) {
      const third = read(noise, (await frames.next()).noise);
      theirPayload = third.payload;
      session = third.session;
    }
    if (session === undefined) throw new ProtocolError("handshake-failed");
    const server =
      options.protocol === "fedchat-link"
        ? provedServer(options.primitives, theirPayload, session.remoteStaticKey, undefined)
        : undefined;
    return Object.assign(new SecureChannel(frames.release(), session, options.clock), { server });
  } catch (error) {
    throw frames.refuse(error);
  }
}

/** The channel once it is open. Set `onMessages` and `onClose` before the first await after obtaining it. */
export class SecureChannel {
  /** 32 bytes that both ends share for exactly this channel: what a device signs to open its session. */
  readonly handshakeHash: Uint8Array;
  readonly remoteStaticKey: Uint8Array;
  /** Whole messages in order, all of one batch at once. They are views: copy what is kept. */
  onMessages: ((messages: Uint8Array[]) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;

  readonly #channel: ByteChannel;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #writer = new BatchWriter();
  #flushDue = false;
  #closed = false;

  constructor(channel: ByteChannel, session: Session, clock: Clock) {
    this.#channel = channel;
    this.#session = session;
    this.#clock = clock;
    this.handshakeHash = session.handshakeHash;
    this.remoteStaticKey = session.remoteStaticKey;
    channel.onMessage = (frame) => this.#receive(frame);
    channel.onClose = (reason) => this.#end(reason);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes not yet on the wire; whoever sends much waits while this is above `channelBufferedBytesMax`. */
  get bufferedBytes(): number {
    return this.#channel.bufferedBytes() + this.#writer.bytes;
  }

  /** Queues a message; it leaves with everything else of this turn. After closing it is dropped. */
  send(message: Uint8Array): void {
    if (this.#closed) return;
    if (!this.#writer.add(message)) {
      this.#flush();
      this.#writer.add(message);
    }
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#clock.soon(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  /** Sends what is queued, then closes. */
  close(reason = "closed"): void {
    if (this.#closed) return;
    this.#flush();
    this.#channel.close(reason);
    this.#end(reason);
  }

  #flush(): void {
    const batch = this.#closed ? undefined : this.#writer.take();
    if (batch !== undefined) this.#channel.send(this.#session.send.seal(batch));
  }

  #receive(frame: Uint8Array): void {
    if (this.#closed) return;
    const batch = frame.length > sealedFrameBytesMax ? undefined : this.#session.receive.open(frame);
    if (batch === undefined) return this.close("malformed");
    let messages: Uint8Array[];
    try {
      messages = decodeBatch(batch);
    } catch {
      return this.close("malformed");
    }
    this.onMessages?.(messages);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose?.(reason);
  }
}

const empty = new Uint8Array(0);

function ownProof(record: Uint8Array | undefined, features: string[]): Uint8Array {
  return record === undefined ? empty : encode(serverProof, { record, version: protocolVersion, features });
}

/** What the other end's payload proves: a record whose Noise key is the one that the handshake authenticated. */
function provedServer(
  p: Primitives,
  payload: Uint8Array,
  staticKey: Uint8Array | undefined,
  expects: ServerId | undefined,
): ProvedServer {
  const proof: ServerProof = decode(serverProof, payload);
  const record = serverRecord.open(p, proof.record);
  if (expects !== undefined && record.key !== expects) throw new ProtocolError("wrong-server-key");
  if (staticKey === undefined || !sameBytes(record.noiseKey, staticKey)) {
    throw new ProtocolError("wrong-server-key", "The record and the connection have different keys.");
  }
  return { record, signed: proof.record, features: proof.features };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function write(noise: Handshake, payload: Uint8Array): { message: Uint8Array; session: Session | undefined } {
  const written = noise.writeMessage(payload);
  if (!written.ok) throw new ProtocolError("handshake-failed", `Noise: ${written.fault}`);
  return written;
}

function read(
  noise: Handshake,
  message: Uint8Array | undefined,
): { payload: Uint8Array; session: Session | undefined } {
  if (message === undefined) throw new ProtocolError("malformed", "opening without a Noise message");
  const got = noise.readMessage(message);
  if (!got.ok) throw new ProtocolError("handshake-failed", `Noise: ${got.fault}`);
  return got;
}

function finish(
  frames: OpeningFrames,
  third: { message: Uint8Array; session: Session | undefined },
): Session {
  if (third.session === undefined) throw new ProtocolError("handshake-failed");
  frames.send({ noise: third.message });
  return third.session;
}

/** Frames of the opening, one awaited at a time, under one time-out; frames that come early wait. */
class OpeningFrames {
  readonly #channel: ByteChannel;
  readonly #arrived: Uint8Array[] = [];
  readonly #timer: { cancel(): void };
  #waiting: { resolve: (frame: Uint8Array) => void; reject: (error: unknown) => void } | undefined;
  #ended: ProtocolError | undefined;

  constructor(channel: ByteChannel, clock: Clock) {
    this.#channel = channel;
    channel.onMessage = (frame) => {
      if (this.#waiting === undefined) this.#arrived.push(frame);
      else this.#waiting.resolve(frame);
      this.#waiting = undefined;
    };
    channel.onClose = (reason) =>
      this.#end(new ProtocolError("unreachable", `The connection closed: ${reason}`));
    this.#timer = clock.after(openingTimeoutMs, () =>
      this.#end(new ProtocolError("not-fedchat", "The other side did not answer the handshake.")),
    );
  }

  send(frame: OpeningFrame): void {
    this.#channel.send(encodeOpening(frame));
  }

  async next(): Promise<OpeningFrame> {
    const early = this.#arrived.shift();
    if (early === undefined && this.#ended !== undefined) throw this.#ended;
    const frame =
      early ?? (await new Promise<Uint8Array>((resolve, reject) => (this.#waiting = { resolve, reject })));
    return decodeOpening(frame);
  }

  /** The opening is complete: what arrived meanwhile is handed to whoever listens next. */
  release(): ByteChannel {
    this.#timer.cancel();
    const channel = this.#channel;
    const early = this.#arrived.splice(0);
    const ended = this.#ended;
    if (early.length > 0 || ended !== undefined) {
      queueMicrotask(() => {
        for (const frame of early) channel.onMessage?.(frame);
        if (ended !== undefined) channel.onClose?.(ended.message);
      });
    }
    return channel;
  }

  /** Ends the opening on the dialler's side. */
  fail(error: unknown): ProtocolError {
    this.#timer.cancel();
    const failure = asProtocolError(error);
    this.#channel.onMessage = undefined;
    this.#channel.onClose = undefined;
    this.#channel.close(failure.code);
    return failure;
  }

  /** Ends the opening on the answerer's side, telling the dialler why. */
  refuse(error: unknown): ProtocolError {
    const failure = asProtocolError(error);
    if (this.#ended === undefined) this.send({ refused: toWireError(new ProtocolError(failure.code)) });
    return this.fail(failure);
  }

  #end(error: ProtocolError): void {
    this.#ended ??= error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError("malformed", "The other side did not speak FedChat's handshake.", {
    cause: error,
  });
}
