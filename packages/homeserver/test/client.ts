/**
 * A small client of the homeserver interface, for tests and benchmarks: what an engine's client does, without keeping
 * anything. Each connection is one channel; nothing reconnects.
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
  ProtocolError,
  RandomSource,
  SecureChannel,
  ServerId,
  Submission,
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
  signAs,
  wireError,
} from "@fedchat/protocol";

/** What a client needs to know of a device. */
export interface ClientDevice {
  id: DeviceId;
  signatureSeed: Uint8Array;
  noisePrivateKey: Uint8Array;
}

export interface ConnectOptions {
  carrier: ByteChannel;
  server: ServerId;
  /** The homeserver's, where it is known (IK). */
  noiseKey?: Uint8Array;
  device: ClientDevice;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
}

/** What arrived and was not looked at yet. */
class Arrivals<T> implements AsyncIterable<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #ended = false;

  get waiting(): number {
    return this.#arrived.length;
  }

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(value);
    else waiting({ done: false, value });
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** The next one; rejects where the channel closed before it came. */
  async next(): Promise<T> {
    const result = await this.#take();
    if (result.done === true) throw new Error("the channel closed");
    return result.value;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.#take() };
  }

  #take(): Promise<IteratorResult<T, undefined>> {
    if (this.#arrived.length > 0) return Promise.resolve({ done: false, value: this.#arrived.shift()! });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

interface Waiting {
  resolve: (body: Uint8Array) => void;
  reject: (error: Error) => void;
}

export class TestClient {
  readonly channel: SecureChannel;
  readonly device: ClientDevice;
  readonly items = new Arrivals<InboxItem>();
  readonly events = new Arrivals<ClientEvent>();
  /** Resolves with the reason when the channel has closed. */
  readonly closed: Promise<string>;
  /** Instead of collecting them in `items`, for benchmarks. */
  onItem: ((item: InboxItem) => void) | undefined;

  readonly #primitives: Primitives;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  static async connect(options: ConnectOptions): Promise<TestClient> {
    const channel = await dialChannel({
      channel: options.carrier,
      protocol: "fedchat-client",
      expects: options.server,
      noiseKey: options.noiseKey,
      staticKey: options.device.noisePrivateKey,
      record: undefined,
      features: [],
      primitives: options.primitives,
      random: options.random,
      clock: options.clock,
    });
    return new TestClient(channel, options.device, options.primitives);
  }

  private constructor(channel: SecureChannel, device: ClientDevice, primitives: Primitives) {
    this.channel = channel;
    this.device = device;
    this.#primitives = primitives;
    channel.onMessages = (messages) => messages.forEach((message) => this.#receive(message));
    this.closed = new Promise((resolve) => {
      channel.onClose = (reason) => {
        for (const { reject } of this.#waiting.values()) reject(new Error(`closed: ${reason}`));
        this.#waiting.clear();
        this.items.end();
        this.events.end();
        resolve(reason);
      };
    });
  }

  /** The device's proof for this channel. */
  get signature(): Uint8Array {
    return signAs(this.#primitives, "client-session", this.device.signatureSeed, this.channel.handshakeHash);
  }

  /** session.open as `account`. */
  open(account: AccountId, fencing = 0): Promise<ClientResult<"session.open">> {
    return this.request("session.open", {
      account,
      device: this.device.id,
      fencing,
      signature: this.signature,
    });
  }

  /** account.register with this signed record. */
  register(record: Uint8Array, token: Uint8Array): Promise<ClientResult<"account.register">> {
    return this.request("account.register", {
      token,
      record,
      device: this.device.id,
      signature: this.signature,
    });
  }

  /** inbox.subscribe where the answer to opening says that this device stands. */
  subscribe({ inbox }: ClientResult<"session.open">): Promise<ClientResult<"inbox.subscribe">> {
    return this.request("inbox.subscribe", { incarnation: inbox.incarnation, position: inbox.cursor });
  }

  async request<M extends ClientMethodName>(method: M, params: ClientParams<M>): Promise<ClientResult<M>> {
    // The table pairs each name with its own codecs, which a union of them cannot express.
    const codecs = clientMethods[method] as unknown as {
      params: Codec<ClientParams<M>>;
      result: Codec<ClientResult<M>>;
    };
    return decode(codecs.result, await this.requestRaw(method, encode(codecs.params, params)));
  }

  /** With parameters as they are, for what the codecs would not encode. */
  requestRaw(method: string, params: Uint8Array): Promise<Uint8Array> {
    const body = encode(clientRequest, { method, params });
    return this.#ask((id) => encodeClientFrame({ kind: "request", id, body }));
  }

  /** Resolves when the homeserver accepted the envelope. */
  async submit(submission: Submission): Promise<void> {
    await this.#ask((id) => encodeClientFrame({ kind: "submit", id, submission }));
  }

  acknowledge(position: number): void {
    this.send(encodeClientFrame({ kind: "acknowledge", position }));
  }

  send(frame: Uint8Array): void {
    this.channel.send(frame);
  }

  /** The next event of this kind; others that come before it are passed over. */
  async event<K extends ClientEvent["kind"]>(kind: K): Promise<Extract<ClientEvent, { kind: K }>> {
    for (;;) {
      const event = await this.events.next();
      if (event.kind === kind) return event as Extract<ClientEvent, { kind: K }>;
    }
  }

  close(): void {
    this.channel.close("done");
  }

  #ask(frameOf: (id: number) => Uint8Array): Promise<Uint8Array> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.channel.closed) return reject(new Error("closed"));
      this.#waiting.set(id, { resolve, reject });
      this.send(frameOf(id));
    });
  }

  #receive(message: Uint8Array): void {
    const frame = decodeClientFrame(message);
    switch (frame.kind) {
      case "item": {
        const item = { ...frame.item, payload: frame.item.payload.slice() };
        if (this.onItem === undefined) this.items.push(item);
        else this.onItem(item);
        return;
      }
      case "event":
        return this.events.push(decodeClientEvent(frame.body));
      case "accepted":
        return this.#settle(frame.id)?.resolve(empty);
      case "response": {
        const waiting = this.#settle(frame.id);
        const body = frame.body.slice();
        return frame.ok ? waiting?.resolve(body) : waiting?.reject(refusal(body));
      }
      case "acknowledge":
      case "request":
      case "submit":
        throw new Error(`a ${frame.kind} frame from a homeserver`);
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

const empty = new Uint8Array(0);

function refusal(body: Uint8Array): ProtocolError {
  return fromWireError(decode(wireError, body));
}
