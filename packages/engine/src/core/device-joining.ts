/**
 * This engine as a further device of an account: meets the device that shows the code, compares signs with it, and opens
 * its first session with what it is given. Nothing is kept before that. [U4] [U5]
 */
import type { Clock, Primitives, RandomSource, ServerId } from "@fedchat/protocol";
import {
  decode,
  DecodeError,
  deviceCertificate,
  deviceId,
  encode,
  openAccountRecord,
  ProtocolError,
  signAs,
} from "@fedchat/protocol";
import type { Joining } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import {
  askingMessage,
  commitmentOf,
  type DeviceCode,
  type DeviceGift,
  deviceGift,
  deviceRequest,
  linkingMessage,
  type LinkKeys,
  linkKeys,
  meetingOf,
  openOnce,
  parseDeviceCode,
  sealOnce,
} from "./device-link.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import { sessionIdentity } from "./identity.ts";
import { joiningMaxMs, joiningPauseMs } from "./limits.ts";
import type { Rooms } from "./rooms.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";

export interface DeviceJoiningPorts {
  store: EngineStore;
  identity: Identity;
  rooms: Rooms;
  keys: StorageKeyRing;
  homeserver: HomeserverClient;
  server: ServerId;
  deviceName: string;
  primitives: Primitives;
  random: RandomSource;
  clock: Clock;
  changes: Changes;
}

/** The keys that this device asks to be certified. */
interface OwnKeys {
  device: ReturnType<typeof deviceId.fromBytes>;
  signatureSeed: Uint8Array;
  noisePrivateKey: Uint8Array;
}

export class DeviceJoining {
  readonly #ports: DeviceJoiningPorts;
  #state: Joining = { state: "none", signs: [], cause: null };
  #stopped = false;

  constructor(ports: DeviceJoiningPorts) {
    this.#ports = ports;
  }

  get state(): Joining {
    return this.#state;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves with the signs to compare; the rest goes on by itself, and shows in `state`. */
  async join(text: string, name: string | undefined): Promise<Joining> {
    const { identity, server, random, clock } = this.#ports;
    if (identity.opened !== undefined) throw engineError("account-exists");
    const code = parseDeviceCode(text);
    if (code === undefined) throw engineError("bad-device-code");
    if (code.server !== server) throw engineError("bad-device-code", "This code is of another homeserver.");
    const until = clock.now() + joiningMaxMs;
    const own: OwnKeys = {
      device: deviceId.fromBytes(random.bytes(16)),
      signatureSeed: random.bytes(32),
      noisePrivateKey: random.bytes(32),
    };
    const { keys, message } = await this.#greet(code, own, name, until);
    this.#enter({ state: "waiting", signs: keys.signs, cause: null });
    void this.#finish(code, own, { keys, message, until });
    return this.#state;
  }

  async #greet(code: DeviceCode, own: OwnKeys, name: string | undefined, until: number) {
    const { primitives, random, deviceName } = this.#ports;
    const [ownPrivate, opening] = [random.bytes(32), random.bytes(32)];
    const ephemeral = primitives.x25519.publicKey(ownPrivate);
    const commitment = commitmentOf(primitives, ephemeral, opening);
    const answer = await this.#meet(code, encode(askingMessage, { kind: "hello", commitment }), until);
    if (answer.kind !== "hello") throw engineError("device-code-over");
    const keys = linkKeys(primitives, code.secret, {
      ...{ ownPrivate, other: answer.ephemeral, asking: ephemeral, giving: answer.ephemeral },
    });
    if (keys === undefined) throw new ProtocolError("malformed", "device link");
    const request = encode(deviceRequest, {
      device: own.device,
      signatureKey: primitives.ed25519.publicKey(own.signatureSeed),
      noiseKey: primitives.x25519.publicKey(own.noisePrivateKey),
      name: name?.normalize("NFC").trim() || deviceName,
    });
    const sealed = sealOnce(primitives, keys.asking, request);
    return { keys, message: encode(askingMessage, { kind: "device", ephemeral, opening, sealed }) };
  }

  async #finish(
    code: DeviceCode,
    own: OwnKeys,
    { keys, message, until }: { keys: LinkKeys; message: Uint8Array; until: number },
  ): Promise<void> {
    try {
      const answer = await this.#meet(code, message, until);
      const gift = answer.kind === "linked" ? this.#giftIn(keys, answer.sealed) : undefined;
      if (gift === undefined) throw engineError("device-code-over");
      await this.#open(own, gift);
      this.#enter({ state: "none", signs: [], cause: null });
    } catch (error) {
      if (!this.#stopped) this.#enter({ state: "failed", signs: [], cause: causeOf(error) });
    }
  }

  /** Asks until there is an answer: a person may have to look first. */
  async #meet(code: DeviceCode, message: Uint8Array, until: number) {
    const { homeserver, primitives, random, clock } = this.#ports;
    const meeting = meetingOf(primitives, code.secret);
    for (;;) {
      try {
        const session = await homeserver.openUnidentified(random.bytes(32));
        try {
          const { message: answer } = await session.request("meetings.meet", { meeting, message });
          return decode(linkingMessage, answer);
        } finally {
          session.close();
        }
      } catch (error) {
        if (error instanceof DecodeError) throw new ProtocolError("malformed", "device link");
        if (error instanceof ProtocolError && error.code === "not-allowed")
          throw engineError("device-code-over");
        const isForNow = error instanceof ProtocolError && error.retry !== "never";
        if (!isForNow || this.#stopped || clock.now() > until) throw error;
      }
      await new Promise<void>((resolve) => void clock.after(joiningPauseMs, resolve));
    }
  }

  /** Throws `ProtocolError` for one that does not fit. */
  #giftIn(keys: LinkKeys, sealed: Uint8Array) {
    const plaintext = openOnce(this.#ports.primitives, keys.giving, sealed);
    if (plaintext === undefined) throw new ProtocolError("malformed", "device link");
    return decode(deviceGift, plaintext);
  }

  async #open(own: OwnKeys, gift: DeviceGift): Promise<void> {
    const { store, identity, rooms, keys, homeserver, primitives, clock } = this.#ports;
    const { record } = openAccountRecord(primitives, gift.record);
    const certificate = deviceCertificate.open(primitives, gift.certificate);
    const { account } = record;
    const { name: deviceName } = certificate;
    if (certificate.account !== account || certificate.device !== own.device)
      throw new ProtocolError("malformed", "device link: another device's certificate");
    const session = await homeserver.openUnidentified(own.noisePrivateKey);
    try {
      const signature = signAs(primitives, "client-session", own.signatureSeed, session.handshakeHash);
      const asked = { account, device: own.device, fencing: 0, signature };
      const opened = await session.request("session.open", asked);
      identity.transaction(() => {
        identity.keep({
          ...{
            state: "open",
            account,
            accountSeed: new Uint8Array(),
            recoverySeed: null,
            ...own,
            deviceName,
          },
          ...{ certificate: gift.certificate, record: gift.record, fencing: opened.fencing },
          ...{ administrator: opened.administrator ? 1 : 0, hasPassword: opened.hasPassword ? 1 : 0 },
          createdAt: clock.now(),
        });
        keys.keep(gift.keys);
        for (const { name, version } of gift.seen) store.identity.putSealedVersion(name, version);
        const { server, handle, displayName, sequence } = record;
        store.accounts.put({ account, server, handle, displayName, sequence, record: gift.record });
        rooms.addNotes();
      });
      session.adopt(sessionIdentity(identity.self), opened);
    } catch (error) {
      session.close();
      throw error;
    }
  }

  #enter(state: Joining): void {
    this.#state = state;
    this.#ports.changes.mark("devices", undefined);
    this.#ports.changes.status();
  }
}
