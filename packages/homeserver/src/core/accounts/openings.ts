/**
 * How a channel becomes a session: the device at its other end proves that it holds both keys of a certificate in its
 * account's record. Invariant: of all sessions of a device only the newest goes on, and a device whose own number is
 * behind a number that was already used was restored from a copy or cloned. [H3] [H4] [H5]
 */
import type {
  ClientParams,
  ClientResult,
  Clock,
  DeviceCertificate,
  DeviceId,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
  ServerId,
} from "@fedchat/protocol";
import { accountId, limits, openAccountRecord, ProtocolError, verifyAs } from "@fedchat/protocol";
import type { GroupCommit } from "../group-commit.ts";
import { fencingMax } from "../limits.ts";
import type { Account, AccountBook } from "./account-book.ts";
import type { FullDisk } from "./full-disk.ts";
import type { Inboxes } from "./inboxes.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Registration } from "./registration.ts";
import type { Identity, Session } from "./session.ts";
import { sameBytes } from "../same-bytes.ts";

/** Type of the signature by which a device opens a session: over the channel's handshake hash. */
export const clientSessionSignature = "client-session";

/** Type of the signature by which whoever has nothing but the account key proves that: over the handshake hash. */
const accountRecoverySignature = "account-recovery";

export interface OpeningsOptions {
  self: ServerId;
  accounts: AccountBook;
  registration: Registration;
  inboxes: Inboxes;
  live: LiveSessions;
  commit: GroupCommit;
  disk: FullDisk;
  primitives: Primitives;
  random: RandomSource;
  clock: Pick<Clock, "now">;
}

type Opened = ClientResult<"session.open">;

export class Openings {
  readonly #options: OpeningsOptions;
  /** Channels on which an account's key was proved. */
  readonly #proved = new WeakMap<Session, Account>();

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /** session.open [H3] */
  open(session: Session, params: ClientParams<"session.open">): Promise<Opened> {
    const account = this.#options.accounts.get(params.account);
    if (account === undefined) throw new ProtocolError("unknown-account");
    return this.#begin(session, account, params, params.fencing);
  }

  /** account.register: the very record that an account was opened with opens it again. [A6] */
  async register(session: Session, params: ClientParams<"account.register">): Promise<Opened> {
    const { accounts, registration, disk, self, primitives, random, clock } = this.#options;
    const opened = openAccountRecord(primitives, params.record);
    this.#prove(session, certificateOf(opened, params.device), params.signature);
    const held = accounts.get(opened.record.account);
    if (held !== undefined) {
      if (!sameBytes(held.signed, params.record))
        throw new ProtocolError("conflict", "This account is open already.");
      return this.#begin(session, held, params, 0);
    }
    if (opened.record.server !== self)
      throw new ProtocolError("not-allowed", "The record names another server.");
    if (opened.record.sequence > clock.now() + limits.sequenceAheadMsMax) {
      throw new ProtocolError("malformed", "The record's sequence is too far ahead of the clock.");
    }
    disk.admitNewWork();
    const { administrator, use } = registration.admit(params.token, session.remote);
    const terms = { administrator, incarnation: random.bytes(16), nowMs: clock.now() };
    const account = await accounts.open(opened, terms, use === undefined ? [] : [use.op]).catch((error) => {
      use?.giveBack();
      disk.saw(error);
      throw error;
    });
    return this.#begin(session, account, params, 0);
  }

  /** account.prove: nobody else learns of an account by its key alone. [F11] */
  proveAccount(
    session: Session,
    { account: id, signature }: ClientParams<"account.prove">,
  ): ClientResult<"account.prove"> {
    const { accounts, primitives } = this.#options;
    const { handshakeHash } = session.channel;
    const key = accountId.toBytes(id);
    if (!verifyAs(primitives, accountRecoverySignature, key, handshakeHash, signature))
      throw new ProtocolError("not-allowed", "The account's key did not sign for this connection.");
    const account = accounts.get(id);
    if (account === undefined) throw new ProtocolError("unknown-account");
    this.#proved.set(session, account);
    return { record: account.signed };
  }

  /** device.add: a password, or the account's key, admits the channel, the key's new record the device. [A9] */
  async addDevice(
    session: Session,
    loggedIn: Account | undefined,
    params: ClientParams<"device.add">,
  ): Promise<Opened> {
    const { accounts, primitives, inboxes, clock } = this.#options;
    const admitted = loggedIn ?? this.#proved.get(session);
    if (admitted === undefined) throw new ProtocolError("not-allowed", "Sign in with the password first.");
    const opened = openAccountRecord(primitives, params.record);
    this.#prove(session, certificateOf(opened, params.device), params.signature);
    const { floor } = await inboxes.standing(admitted, undefined);
    await accounts.update(admitted, opened, clock.now(), floor);
    this.#replaced(admitted);
    return this.#begin(session, admitted, params, 0);
  }

  /** account.update: devices that left the list lose their sessions. [A7] [A8] */
  async update(session: Session, params: ClientParams<"account.update">): Promise<Record<never, never>> {
    const { accounts, primitives, inboxes, clock } = this.#options;
    const { account } = session.identity;
    const { floor } = await inboxes.standing(account, undefined);
    await accounts.update(account, openAccountRecord(primitives, params.record), clock.now(), floor);
    this.#replaced(account);
    return {};
  }

  /** The session's number is used for the first time: from here on a lower one is refused, after a restart too. [H4] */
  async firstUse({ account, device, fencing }: Identity): Promise<boolean> {
    const { commit, disk } = this.#options;
    const known = account.devices.get(device);
    // While the device list changes, the number waits: the device may be about to go.
    if (known === undefined || account.changing || disk.refusing) return false;
    known.fencing = Math.max(known.fencing, fencing);
    try {
      await commit.add([{ op: "device.fence", account: account.id, device, fencing: known.fencing }]);
      return true;
    } catch (error) {
      disk.saw(error);
      return false;
    }
  }

  closeRemoved(account: Account): void {
    for (const session of [...this.#options.live.of(account.id)]) {
      const certificate = account.certificate(session.identity.device);
      if (certificate === undefined || !sameBytes(certificate.noiseKey, session.channel.remoteStaticKey)) {
        session.close("not-allowed");
      }
    }
  }

  /** Other devices learn at once what one of them changed. */
  #replaced(account: Account): void {
    this.closeRemoved(account);
    this.#options.live.notify({ account: account.id }, { kind: "record", record: account.signed });
  }

  #prove(session: Session, certificate: DeviceCertificate | undefined, signature: Uint8Array): void {
    const { channel } = session;
    if (session.isOpen) throw new ProtocolError("not-allowed", "A session is open already.");
    if (certificate === undefined)
      throw new ProtocolError("not-allowed", "This device is not on the account's list.");
    const { primitives } = this.#options;
    if (
      !sameBytes(certificate.noiseKey, channel.remoteStaticKey) ||
      !verifyAs(
        primitives,
        clientSessionSignature,
        certificate.signatureKey,
        channel.handshakeHash,
        signature,
      )
    ) {
      throw new ProtocolError("not-allowed", "The connection is not this device's.");
    }
  }

  /** @param own the newest fencing number that the device itself knows; 0 where it knows none */
  async #begin(
    session: Session,
    account: Account,
    { device: id, signature }: Pick<ClientParams<"session.open">, "device" | "signature">,
    own: number,
  ): Promise<Opened> {
    const inbox = await this.#options.inboxes.standing(account, account.devices.get(id));
    // All else within this turn, on what is true now: a device may have been removed meanwhile.
    this.#prove(session, account.certificate(id), signature);
    const device = account.devices.get(id);
    if (device === undefined) throw new Error("a device on the list without a row");
    if (own > fencingMax) throw new ProtocolError("malformed", "fencing number");
    // Only a used number condemns a lower one: an answer that was lost on its way used none. A higher own number is
    // that of an answer never used, or the homeserver itself was restored: it goes on above it. [H5]
    if (own < device.fencing) throw new ProtocolError("restored-device");
    const fencing = Math.max(own, device.given, device.fencing) + 1;
    device.given = fencing;
    session.become({ account, device: id, fencing });
    if (!session.channel.closed) this.#options.live.add(session);
    return {
      fencing,
      inbox,
      handle: account.handle,
      record: account.signed,
      administrator: account.administrator,
      hasPassword: account.password !== undefined,
    };
  }
}

function certificateOf(opened: OpenedAccountRecord, device: DeviceId): DeviceCertificate | undefined {
  return opened.certificates.find((certificate) => certificate.device === device);
}
