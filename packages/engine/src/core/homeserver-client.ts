/**
 * The engine's side of the homeserver interface: one encrypted channel, opened again whenever it breaks. Requests and
 * submissions fail with `unreachable` while there is no session; nothing is queued here, because what must survive
 * lies in the engine's store. One session lives at a time, and its fencing number is the newest that the homeserver
 * gave this device. [H1] to [H5]
 */
import type {
  AccountId,
  ByteChannel,
  ClientEvent,
  ClientMethodName,
  ClientParams,
  ClientResult,
  Clock,
  Codec,
  DeviceId,
  InboxItem,
  Primitives,
  RandomSource,
  SecureChannel,
  ServerId,
  ServerRecord,
  Submission,
  Timer,
} from "@fedchat/protocol";
import {
  clientMethods,
  clientRequest,
  decode,
  decodeClientEvent,
  decodeClientFrame,
  dialChannel,
  encode,
  encodeClientFrame,
  fromWireError,
  otherServerOf,
  ProtocolError,
  signAs,
  wireError,
} from "@fedchat/protocol";
import type { Log } from "./log.ts";
import { fullJitterMs } from "./retry.ts";

export interface HomeserverClientOptions {
  /** Opens a carrier to the homeserver; rejects with a `ProtocolError`. */
  connect(): Promise<ByteChannel>;
  server: { id: ServerId; noiseKey: Uint8Array | undefined };
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  log: Log;
  /** The longest time between two attempts; absent: half a minute. */
  retryMaxMs?: number;
}

/** Who this device is when it opens a session. */
export interface SessionIdentity {
  account: AccountId;
  device: DeviceId;
  signatureSeed: Uint8Array;
  noisePrivateKey: Uint8Array;
  /** The newest fencing number that this store knows: lower than the homeserver's means a restored copy. */
  fencing: number;
}

export type ConnectionState =
  | { kind: "idle" | "connecting" | "connected" | "superseded"; error?: ProtocolError }
  | { kind: "waiting"; error: ProtocolError; nextTryAt: number };

type Opened = ClientResult<"session.open">;

/** A failed attempt is followed by the next one after a random time up to this, doubled each time. */
const retryBaseMs = 250;
const retryMaxMs = 30_000;
/** A session that answers nothing for this long is taken for dead. */
const requestTimeoutMs = 30_000;

export class HomeserverClient {
  identity: SessionIdentity | undefined;
  state: ConnectionState = { kind: "idle" };
  /** The homeserver said, in the channel that proves it, that this device is not on its account's list. [A7] */
  removed = false;
  onState: (() => void) | undefined;
  onItems: ((items: InboxItem[]) => void) | undefined;
  onEvent: ((event: ClientEvent) => void) | undefined;
  /** Another server than the expected one proved itself: it may have taken its place. */
  onOther: ((record: ServerRecord) => void) | undefined;
  /** A session was opened. Nothing else is sent before this returns. */
  onOpened: ((opened: Opened) => void) | undefined;

  readonly #options: HomeserverClientOptions;
  #session: Session | undefined;
  #running = false;
  #attempts = 0;
  #retry: Timer | undefined;
  /** Rises with every start and stop, so that an attempt begun before notices that it is stale. */
  #generation = 0;
  /** Whether the pinned Noise key failed once: then the next attempt learns the key anew (XX). */
  #noiseKeyDoubted = false;

  constructor(options: HomeserverClientOptions) {
    this.#options = options;
  }

  /** Connects as `identity` and stays connected until `stop`. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#generation++;
    void this.#connect(this.#generation);
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#generation++;
    this.#retry?.cancel();
    this.#session?.close("stopped");
    this.#session = undefined;
    this.#enter({ kind: "idle" });
  }

  /** Tries again at once instead of waiting. */
  retryNow(): void {
    if (!this.#running || this.state.kind !== "waiting") return;
    this.#retry?.cancel();
    void this.#connect(this.#generation);
  }

  request<M extends ClientMethodName>(method: M, params: ClientParams<M>): Promise<ClientResult<M>> {
    if (this.state.kind !== "connected" || this.#session === undefined)
      return Promise.reject(notConnected(undefined, this.state.error));
    return this.#session.request(method, params);
  }

  /** Resolves once the homeserver has the envelope on disk. */
  submit(submission: Submission): Promise<void> {
    if (this.state.kind !== "connected" || this.#session === undefined)
      return Promise.reject(notConnected(undefined, this.state.error));
    return this.#session.submit(submission);
  }

  /** Everything up to `position` is committed here. */
  acknowledge(position: number): void {
    this.#session?.send(encodeClientFrame({ kind: "acknowledge", position }));
  }

  /** A channel for a device that has no account yet: registration and sign-in. The caller closes it or adopts it. */
  async openUnidentified(noisePrivateKey: Uint8Array): Promise<UnidentifiedSession> {
    const session = await this.#dial(noisePrivateKey);
    return {
      handshakeHash: session.channel.handshakeHash,
      request: (method, params) => session.request(method, params),
      close: () => session.close("done"),
      adopt: (identity, opened) => {
        this.identity = identity;
        this.#running = true;
        this.#generation++;
        this.#retry?.cancel();
        this.#use(session, opened, this.#generation);
      },
    };
  }

  async #connect(generation: number): Promise<void> {
    const identity = this.identity;
    if (identity === undefined) return this.#enter({ kind: "idle" });
    this.#enter({ kind: "connecting" });
    let session: Session | undefined;
    try {
      session = await this.#dial(identity.noisePrivateKey);
      if (generation !== this.#generation) return session.close("stopped");
      const signature = signAs(
        this.#options.primitives,
        "client-session",
        identity.signatureSeed,
        session.channel.handshakeHash,
      );
      const { account, device, fencing } = identity;
      const opened = await session.request("session.open", { account, device, fencing, signature });
      if (generation !== this.#generation) return session.close("stopped");
      this.#use(session, opened, generation);
    } catch (error) {
      session?.close("not opened");
      if (generation !== this.#generation) return;
      // Without a session it came in the clear: anybody on the way could stop an engine by it.
      if (session !== undefined && isNotListed(error)) this.removed = true;
      if (session !== undefined && replacesThis(error)) this.#superseded();
      else this.#lost(asProtocolError(error), generation);
    }
  }

  async #dial(noisePrivateKey: Uint8Array): Promise<Session> {
    const { server, clock, random, primitives } = this.#options;
    const carrier = await this.#options.connect();
    try {
      const channel = await dialChannel({
        channel: carrier,
        protocol: "fedchat-client",
        expects: server.id,
        noiseKey: this.#noiseKeyDoubted ? undefined : server.noiseKey,
        staticKey: noisePrivateKey,
        record: undefined,
        features: [],
        clock,
        random,
        primitives,
      });
      return new Session(channel, clock);
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "handshake-failed") this.#noiseKeyDoubted = true;
      const other = otherServerOf(error);
      if (other !== undefined) this.onOther?.(other.record);
      throw error;
    }
  }

  #use(session: Session, opened: Opened, generation: number): void {
    if (this.identity !== undefined) this.identity = { ...this.identity, fencing: opened.fencing };
    const earlier = this.#session;
    this.#session = undefined;
    earlier?.close("replaced");
    // It may have closed in the very turn that brought the answer.
    if (session.channel.closed) return this.#lost(notConnected("closed"), generation);
    this.#session = session;
    this.removed = false;
    session.onItems = (items) => this.onItems?.(items);
    session.onEvent = (event) => {
      // The homeserver tells a session of ours that a later one of ours took its place.
      if (this.#session !== session) return;
      if (event.kind === "superseded") this.#superseded();
      this.onEvent?.(event);
    };
    session.onClose = (reason) => {
      if (this.#session !== session || generation !== this.#generation) return;
      this.#session = undefined;
      this.#lost(
        new ProtocolError("unreachable", `The homeserver closed the connection: ${reason}`),
        generation,
      );
    };
    if (session.channel.closed) return session.onClose("ended as it began");
    this.#enter({ kind: "connected" });
    try {
      this.onOpened?.(opened);
      this.#attempts = 0;
    } catch (error) {
      // What the session brought could not be kept: it ends, lest the next one supersede it, and is opened anew.
      this.#session = undefined;
      session.close("not kept");
      this.#lost(asProtocolError(error), generation);
    }
  }

  #superseded(): void {
    this.#running = false;
    this.#generation++;
    this.#session?.close("superseded");
    this.#session = undefined;
    this.#enter({ kind: "superseded", error: new ProtocolError("superseded") });
  }

  #lost(error: ProtocolError, generation: number): void {
    if (!this.#running) return;
    const { clock, random, log, retryMaxMs: maxMs = retryMaxMs } = this.#options;
    const delayMs = fullJitterMs(this.#attempts++, { baseMs: retryBaseMs, maxMs }, random);
    log.info("no connection to the homeserver", { code: error.code, retryInMs: delayMs });
    this.#enter({ kind: "waiting", error, nextTryAt: clock.now() + delayMs });
    this.#retry = clock.after(delayMs, () => {
      if (generation === this.#generation) void this.#connect(generation);
    });
  }

  #enter(state: ConnectionState): void {
    this.state = state;
    this.onState?.();
  }
}

export interface UnidentifiedSession {
  handshakeHash: Uint8Array;
  request<M extends ClientMethodName>(method: M, params: ClientParams<M>): Promise<ClientResult<M>>;
  /** The channel has become this identity's session: the client goes on with it and keeps it alive. */
  adopt(identity: SessionIdentity, opened: Opened): void;
  close(): void;
}

interface Waiting {
  resolve: (body: Uint8Array) => void;
  reject: (error: ProtocolError) => void;
  timer: Timer;
}

/** Requests and answers on one open channel. */
class Session {
  readonly channel: SecureChannel;
  onItems: ((items: InboxItem[]) => void) | undefined;
  onEvent: ((event: ClientEvent) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;

  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(channel: SecureChannel, clock: Clock) {
    this.channel = channel;
    this.#clock = clock;
    channel.onMessages = (messages) => this.#receive(messages);
    channel.onClose = (reason) => {
      for (const [id] of this.#waiting) this.#settle(id)?.reject(notConnected(reason));
      this.onClose?.(reason);
    };
  }

  send(frame: Uint8Array): void {
    this.channel.send(frame);
  }

  close(reason: string): void {
    this.channel.close(reason);
  }

  async request<M extends ClientMethodName>(method: M, params: ClientParams<M>): Promise<ClientResult<M>> {
    // The table pairs each name with its own codecs, which a union of them cannot express.
    const { params: paramsCodec, result } = clientMethods[method] as unknown as {
      params: Codec<ClientParams<M>>;
      result: Codec<ClientResult<M>>;
    };
    const body = encode(clientRequest, { method, params: encode(paramsCodec, params) });
    return decode(result, await this.#ask((id) => encodeClientFrame({ kind: "request", id, body })));
  }

  async submit(submission: Submission): Promise<void> {
    await this.#ask((id) => encodeClientFrame({ kind: "submit", id, submission }));
  }

  #ask(frameOf: (id: number) => Uint8Array): Promise<Uint8Array> {
    if (this.channel.closed) return Promise.reject(notConnected());
    const id = (this.#lastId = (this.#lastId + 1) >>> 0);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(requestTimeoutMs, () => this.close("no answer"));
      this.#waiting.set(id, { resolve, reject, timer });
      this.send(frameOf(id));
    });
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.cancel();
    return waiting;
  }

  #receive(messages: Uint8Array[]): void {
    const items: InboxItem[] = [];
    try {
      for (const message of messages) {
        const frame = decodeClientFrame(message);
        if (frame.kind === "item") items.push({ ...frame.item, payload: frame.item.payload.slice() });
        else if (frame.kind === "accepted") this.#settle(frame.id)?.resolve(nothing);
        else if (frame.kind === "event") this.onEvent?.(decodeClientEvent(frame.body));
        else if (frame.kind === "response") this.#answer(frame.id, frame.ok, frame.body.slice());
        else throw new ProtocolError("malformed", "not for a device");
      }
    } catch {
      return this.close("malformed");
    }
    if (items.length > 0) this.onItems?.(items);
  }

  #answer(id: number, ok: boolean, body: Uint8Array): void {
    const waiting = this.#settle(id);
    if (ok) waiting?.resolve(body);
    else waiting?.reject(fromWireError(decode(wireError, body)));
  }
}

const nothing = new Uint8Array(0);

/** @param error why there is none; what lies beneath it tells more, such as a full disk of this machine */
function notConnected(reason?: string, error?: ProtocolError): ProtocolError {
  return new ProtocolError(
    "unreachable",
    reason === undefined ? undefined : `No connection to the homeserver: ${reason}`,
    { cause: error?.cause },
  );
}

/** What a homeserver answers a device that left the account's list. [A7] */
const isNotListed = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === "not-allowed";

/** Whether the homeserver says that another store is this device now. [H4] [H5] */
function replacesThis(error: unknown): boolean {
  return error instanceof ProtocolError && (error.code === "superseded" || error.code === "restored-device");
}

function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError("unreachable", "The homeserver cannot be reached.", { cause: error });
}
