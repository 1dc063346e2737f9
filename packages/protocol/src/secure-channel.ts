/**
 * An encrypted, mutually authenticated channel over any carrier of frames: hello, Noise, then sealed batches. Links
 * between homeservers and device sessions are both this. Whoever holds a `SecureChannel` knows which static key is at
 * the other end, that it is there now, and where that end is a homeserver, that its signed record binds that key to
 * its identity. What is sent within one turn is sealed once. [L1] to [L6]
 */
import { decode, encode } from "./cbor/codec.ts";
import type { Hello, ServerProof } from "./channel.ts";
import {
  channelPrologue,
  decodeHello,
  hello as helloCodec,
  protocolVersion,
  serverProof,
} from "./channel.ts";
import type { WireError } from "./errors.ts";
import { fromWireError, ProtocolError } from "./errors.ts";
import { earlyFrameBytesMax, earlyFramesMax } from "./limits.ts";
import type { ServerId } from "./names.ts";
import { BatchWriter, createHandshake, decodeBatch, sealedFrameBytesMax } from "./noise/index.ts";
import type { Handshake, Session } from "./noise/index.ts";
import { OpeningFrames } from "./opening-frames.ts";
import type { ByteChannel, Clock, RandomSource } from "./ports.ts";
import { equalBytes } from "./primitives/bytes.ts";
import type { Primitives } from "./primitives/primitives.ts";
import type { ServerRecord } from "./server-record.ts";
import { compareServerRecord, serverRecord } from "./server-record.ts";

export { openingTimeoutMs } from "./opening-frames.ts";

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
  /** Keys that we had before: who expects one of them is shown the record that says so. [R9] */
  formerly?: readonly ServerId[];
  staticKey: Uint8Array;
  /** Our own signed server record. */
  record: () => Uint8Array;
  features: string[];
}

/** Another server than the expected one proved itself: beneath a `wrong-server-key`. */
class OtherServer extends Error {
  readonly server: ProvedServer;

  constructor(server: ProvedServer) {
    super("Another server proved itself.");
    this.server = server;
  }
}

/** The server that proved itself in the place of the expected one; undefined where none did. [R9] */
export function otherServerOf(error: unknown): ProvedServer | undefined {
  if (error instanceof OtherServer) return error.server;
  return error instanceof Error ? otherServerOf(error.cause) : undefined;
}

/**
 * Opens a channel as its dialler. Rejects with a `ProtocolError`: `wrong-server-key`, `unsupported-version`,
 * `handshake-failed` (with a known key: the answerer's may have changed, dial again without it), `not-fedchat`,
 * `unreachable`, `malformed`, or the code that the answerer refused with, which came in the clear and is no more than
 * a hint. None of them is for good: a flipped bit may have made any of them. [L6]
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
    if (answer.refused !== undefined) throw hint(answer.refused);
    const second = read(noise, answer.noise);
    const server = provedServer(options, second.payload, noise.remoteStaticKey);
    if (server.record.key !== options.expects)
      throw new ProtocolError("wrong-server-key", undefined, { cause: new OtherServer(server) });
    const session = second.session ?? finish(frames, write(noise, proof));
    // IK's first message may be a replay; this frame only the holder of our key could have made now. [L4]
    if (pattern === "IK") frames.sendSealed(session.send.seal(empty));
    const channel = frames.handOver((carrier) => new SecureChannel(carrier, session, options.clock));
    return Object.assign(channel, { server });
  } catch (error) {
    throw frames.fail(error, false);
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
  let answered = false;
  try {
    const opening = await frames.next();
    const helloBytes = opening.hello;
    if (helloBytes === undefined) throw new ProtocolError("malformed", "opening without a hello");
    const said = decodeHello(helloBytes);
    if (said.protocol !== options.protocol) throw new ProtocolError("malformed", "hello of another protocol");
    if (!said.versions.includes(protocolVersion)) throw new ProtocolError("unsupported-version");
    if (said.expects !== options.self && options.formerly?.includes(said.expects) !== true)
      throw new ProtocolError("wrong-server-key");
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
    answered = true;
    let theirPayload = first.payload;
    let session = second.session;
    if (session === undefined) {
      const third = read(noise, (await frames.next()).noise);
      theirPayload = third.payload;
      session = third.session;
    } else if (session.receive.open(await frames.nextSealed())?.length !== 0) {
      throw new ProtocolError("handshake-failed", "Noise: a first message without its sender");
    }
    if (session === undefined) throw new ProtocolError("handshake-failed");
    const server =
      options.protocol === "fedchat-link"
        ? provedServer(options, theirPayload, session.remoteStaticKey)
        : undefined;
    const open = session;
    const channel = frames.handOver((carrier) => new SecureChannel(carrier, open, options.clock));
    return Object.assign(channel, { server });
  } catch (error) {
    // Once we have answered, the dialler takes frames for sealed ones: the code is then the reason of the close.
    throw frames.fail(error, !answered);
  }
}

/**
 * The channel once it is open. What arrives before `onMessages` is set is held for it, within bounds, and a close is
 * told to an `onClose` that is set afterwards.
 */
export class SecureChannel {
  /** 32 bytes that both ends share for exactly this channel: what a device signs to open its session. */
  readonly handshakeHash: Uint8Array;
  readonly remoteStaticKey: Uint8Array;
  readonly #channel: ByteChannel;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #writer = new BatchWriter();
  #onMessages: ((messages: Uint8Array[]) => void) | undefined;
  #onClose: ((reason: string) => void) | undefined;
  /** Frames that nobody listened for yet. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #flushDue = false;
  #closed = false;
  #untoldReason: string | undefined;

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

  /** Whole messages in order, all of one batch at once. They are views: copy what is kept. */
  get onMessages(): ((messages: Uint8Array[]) => void) | undefined {
    return this.#onMessages;
  }

  set onMessages(listener: ((messages: Uint8Array[]) => void) | undefined) {
    this.#onMessages = listener;
    if (this.#held.length > 0) queueMicrotask(() => this.#openHeld());
  }

  /** Called once, after the last message, whoever closed. */
  get onClose(): ((reason: string) => void) | undefined {
    return this.#onClose;
  }

  set onClose(listener: ((reason: string) => void) | undefined) {
    this.#onClose = listener;
    if (this.#untoldReason === undefined) return;
    queueMicrotask(() => {
      this.#openHeld();
      this.#tellClose();
    });
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
    this.#held = [];
    this.#channel.close(reason);
    this.#end(reason);
  }

  #flush(): void {
    const batch = this.#closed ? undefined : this.#writer.take();
    if (batch !== undefined) this.#channel.send(this.#session.send.seal(batch));
  }

  #receive(frame: Uint8Array): void {
    if (this.#closed) return;
    if (this.#onMessages !== undefined && this.#held.length === 0) return this.#open(frame);
    this.#held.push(frame);
    this.#heldBytes += frame.length;
    if (this.#held.length > earlyFramesMax || this.#heldBytes > earlyFrameBytesMax) this.close("malformed");
  }

  /** A frame stays in the queue until it was handled, so that one that arrives meanwhile does not overtake. */
  #openHeld(): void {
    while (this.#onMessages !== undefined && this.#held[0] !== undefined) {
      const frame = this.#held[0];
      this.#open(frame);
      this.#held.shift();
      this.#heldBytes -= frame.length;
    }
  }

  #open(frame: Uint8Array): void {
    const batch = frame.length > sealedFrameBytesMax ? undefined : this.#session.receive.open(frame);
    if (batch === undefined) return this.#drop();
    let messages: Uint8Array[];
    try {
      messages = decodeBatch(batch);
    } catch {
      return this.#drop();
    }
    this.#onMessages?.(messages);
  }

  /** After a frame that the peer's channel did not seal nothing that follows can be trusted. */
  #drop(): void {
    this.#held = [];
    this.close("malformed");
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#untoldReason = reason;
    this.#tellClose();
  }

  #tellClose(): void {
    const reason = this.#untoldReason;
    if (reason === undefined || this.#onClose === undefined) return;
    this.#untoldReason = undefined;
    this.#onClose(reason);
  }
}

const empty = new Uint8Array(0);

/** Words that anybody on the way could have written are not shown to people: the code alone counts. [L6] */
function hint(refused: WireError): ProtocolError {
  const { code, retry, retryAfterMs } = refused;
  return fromWireError({ code, retry, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

function ownProof(record: Uint8Array | undefined, features: string[]): Uint8Array {
  return record === undefined ? empty : encode(serverProof, { record, version: protocolVersion, features });
}

/** What the other end's payload proves: a valid record whose Noise key is the one that the handshake authenticated. */
function provedServer(
  { primitives, clock }: ChannelPorts,
  payload: Uint8Array,
  staticKey: Uint8Array | undefined,
): ProvedServer {
  const proof: ServerProof = decode(serverProof, payload);
  if (proof.version !== protocolVersion) throw new ProtocolError("unsupported-version");
  const record = serverRecord.open(primitives, proof.record);
  if (staticKey === undefined || !equalBytes(record.noiseKey, staticKey)) {
    throw new ProtocolError("wrong-server-key", "The record and the connection have different keys.");
  }
  const standing = compareServerRecord(record, undefined, clock.now());
  if (standing !== "newer") {
    throw new ProtocolError("handshake-failed", `The server's record is ${standing}: is a clock wrong?`);
  }
  return { record, signed: proof.record, features: proof.features };
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
