/**
 * One client channel: frames in, answers out. It knows who is at the other end once a session was opened on it, and
 * bounds what the other end may have unanswered and unread. It trusts nothing that arrives: a frame that does not
 * decode, or that a device must not send, closes the channel. [H1] [H3]
 */
import type { ClientMethodName, DeviceId, SecureChannel, Submission } from "@fedchat/protocol";
import {
  clientMethods,
  clientRequest,
  decode,
  DecodeError,
  decodeClientFrame,
  encode,
  encodeClientEvent,
  encodeClientFrame,
  limits,
  ProtocolError,
  toWireError,
  wireError,
} from "@fedchat/protocol";
import { StoreFullError } from "../../store/store.ts";
import { sessionInFlightBytesMax, sessionUnreadBytesMax } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Account, Device } from "./account-book.ts";
import { storageFull } from "./full-disk.ts";
import type { InboxFeed } from "./inbox-feed.ts";
import { SubmissionOrder } from "./submission-order.ts";

/** Whose session this is. */
export interface Identity {
  account: Account;
  device: DeviceId;
  /** Of this session; takes effect with the session's first use. */
  fencing: number;
}

/** What a session hands on. */
export interface SessionDuties {
  /** Answers a request that this caller may make, with the encoded result. Rejects with `ProtocolError`. */
  request(session: Session, method: ClientMethodName, params: Uint8Array): Promise<Uint8Array>;
  /** Resolves when the envelope is committed for all its destinations. The payload is the callee's to keep. */
  submit(from: Account, submission: Submission): Promise<void>;
  acknowledge(account: Account, device: Device, position: number): void;
  /** The first frame after opening: the fencing number is in use from here on. False where it could not be kept. */
  firstUse(identity: Identity): Promise<boolean>;
  closed(session: Session): void;
}

export class Session {
  readonly channel: SecureChannel;
  /** Where the other end connects from, as far as rate limits tell sources apart. */
  readonly remote: string;
  /** Pushes the inbox, once subscribed. */
  feed: InboxFeed | undefined;
  readonly #duties: SessionDuties;
  readonly #log: Log;
  readonly #order = new SubmissionOrder();
  #identity: Identity | undefined;
  #used = false;
  #inFlight = 0;
  #inFlightBytes = 0;

  constructor(channel: SecureChannel, remote: string, duties: SessionDuties, log: Log) {
    this.channel = channel;
    this.remote = remote;
    this.#duties = duties;
    this.#log = log;
    channel.onMessages = (messages) => this.#receive(messages);
    channel.onClose = () => {
      this.feed?.close();
      this.#duties.closed(this);
    };
  }

  get isOpen(): boolean {
    return this.#identity !== undefined;
  }

  /** Throws `ProtocolError("not-allowed")` before a session was opened. */
  get identity(): Identity {
    if (this.#identity === undefined) throw new ProtocolError("not-allowed", "No session is open yet.");
    return this.#identity;
  }

  become(identity: Identity): void {
    this.#identity = identity;
  }

  /** Sends a frame, or gives up a reader that left too much unread: it connects again and asks for what it missed. */
  send(frame: Uint8Array): void {
    if (this.channel.bufferedBytes > sessionUnreadBytesMax) return this.close("too slow");
    this.channel.send(frame);
  }

  supersede(): void {
    this.send(supersededFrame);
    this.close("superseded");
  }

  close(reason: string): void {
    this.channel.close(reason);
  }

  #receive(messages: Uint8Array[]): void {
    try {
      for (const message of messages) if (!this.channel.closed) this.#frame(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.info("a client channel is closed", { remote: this.remote, code: error.code });
      this.close(error.code);
    }
  }

  #frame(message: Uint8Array): void {
    const frame = decodeClientFrame(message);
    if (!this.#used && this.#identity !== undefined) this.#useFirst(this.#identity);
    switch (frame.kind) {
      case "submit":
        return this.#answer(
          frame.id,
          message.length,
          () => this.#submit(frame.submission),
          () => encodeClientFrame({ kind: "accepted", id: frame.id }),
        );
      case "request":
        return this.#answer(
          frame.id,
          message.length,
          () => this.#request(frame.body.slice()),
          (body) => encodeClientFrame({ kind: "response", id: frame.id, ok: true, body }),
        );
      case "acknowledge":
        return this.#acknowledge(frame.position);
      case "accepted":
      case "event":
      case "item":
      case "response":
        throw new ProtocolError("malformed", "a frame that a device does not send");
    }
  }

  #useFirst(identity: Identity): void {
    this.#used = true;
    void this.#duties.firstUse(identity).then((kept) => (this.#used = kept));
  }

  /** Runs what a frame asks for, within the bounds of what may be unanswered, and answers under its id. */
  #answer<T>(id: number, bytes: number, run: () => Promise<T>, frameOf: (result: T) => Uint8Array): void {
    if (
      this.#inFlight >= limits.clientRequestsInFlightMax ||
      this.#inFlightBytes + bytes > sessionInFlightBytesMax
    ) {
      return this.#refuse(id, new ProtocolError("rate-limited", "Too much is unanswered."));
    }
    this.#inFlight += 1;
    this.#inFlightBytes += bytes;
    const settle = () => {
      this.#inFlight -= 1;
      this.#inFlightBytes -= bytes;
    };
    run().then(
      (result) => {
        settle();
        const frame = frameOf(result);
        if (frame.length + 4 > limits.frameBytesMax) this.#refuse(id, new ProtocolError("too-large"));
        else this.send(frame);
      },
      (error: unknown) => {
        settle();
        this.#refuse(id, this.#asProtocolError(error));
      },
    );
  }

  async #submit(submission: Submission): Promise<void> {
    const { account } = this.identity;
    // The payload is a view into a whole batch of messages.
    const own = { ...submission, payload: submission.payload.slice() };
    return this.#order.run(own, () => this.#duties.submit(account, own));
  }

  async #request(body: Uint8Array): Promise<Uint8Array> {
    const { method, params } = decode(clientRequest, body);
    if (!Object.hasOwn(clientMethods, method)) throw new ProtocolError("unknown-method");
    return this.#duties.request(this, method as ClientMethodName, params);
  }

  #acknowledge(position: number): void {
    const { account, device } = this.identity;
    if (this.feed === undefined || position > this.feed.pushed) {
      throw new ProtocolError("malformed", "an acknowledgement of what was not pushed");
    }
    const known = account.devices.get(device);
    if (known !== undefined) this.#duties.acknowledge(account, known, position);
  }

  #refuse(id: number, error: ProtocolError): void {
    this.send(
      encodeClientFrame({ kind: "response", id, ok: false, body: encode(wireError, toWireError(error)) }),
    );
  }

  #asProtocolError(error: unknown): ProtocolError {
    if (error instanceof ProtocolError) return error;
    if (error instanceof StoreFullError) return storageFull(error);
    if (error instanceof DecodeError) return new ProtocolError("malformed", error.message, { cause: error });
    this.#log.error("a client's request failed unexpectedly", { remote: this.remote }, error);
    return new ProtocolError("internal", undefined, { cause: error });
  }
}

const supersededFrame = encodeClientFrame({ kind: "event", body: encodeClientEvent({ kind: "superseded" }) });
