/**
 * This account's devices as its person handles them: listed, named, linked by a code, revoked, and every one that another
 * device added noticed until the person has said that they know it. The list stands in the account's record, which the
 * account key signs. [U1] [U4] [U6]
 */
import type { AccountRecord, ClientEvent, Clock, DeviceId, ServerId } from "@fedchat/protocol";
import {
  array,
  bytes,
  decode,
  DecodeError,
  deviceCertificate,
  deviceId,
  encode,
  openAccountRecord,
  ProtocolError,
} from "@fedchat/protocol";
import type { Device, Linking } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { AccountKeyPorts } from "./account-key.ts";
import { accountKey, kitKeysOf } from "./account-key.ts";
import type { AccountKeys } from "./identity.ts";
import { causeOf, engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import {
  askingMessage,
  commitmentOf,
  type DeviceCode,
  deviceGift,
  type DeviceRequest,
  deviceRequest,
  formatDeviceCode,
  linkingMessage,
  linkKeys,
  meetingOf,
  newDeviceCode,
  openOnce,
  sealOnce,
  seenMax,
  type Sign,
} from "./device-link.ts";
import type { Log } from "./log.ts";
import { newRequestKey } from "./new-keys.ts";
import type { OwnRecords } from "./own-records.ts";
import { shareRequestKeys } from "./request-keys.ts";
import type { SealedStoragePorts } from "./sealed-storage.ts";
import type { SharedRecords } from "./shared-records.ts";

export interface DevicesPorts extends AccountKeyPorts {
  /** Our record is guarded by the recovery key now: contacts are to know. */
  onGuarded: () => void;
  /** Our record lists fewer devices: rooms that this one is to come into renew their `infoKey` with it. */
  onFewer: () => void;
  store: EngineStore;
  keys: SealedStoragePorts["keys"];
  shared: SharedRecords;
  ownRecords: OwnRecords;
  server: ServerId;
  clock: Clock;
  changes: Changes;
  log: Log;
}

/** A code that is shown, and how far whoever used it has come. */
interface Hosting {
  code: DeviceCode;
  meeting: Uint8Array;
  until: number;
  account: AccountKeys;
  ephemeral: Uint8Array;
  /** Of the first who said hello; nobody else is heard. */
  commitment: Uint8Array | undefined;
  asking: { request: DeviceRequest; givingKey: Uint8Array; signs: Sign[]; message: Uint8Array } | undefined;
  answer: Uint8Array | undefined;
}

const knownSetting = "known-devices";
const knownForm = array(bytes(16), { max: 4_096 });

export class Devices {
  readonly #ports: DevicesPorts;
  #hosting: Hosting | undefined;

  constructor(ports: DevicesPorts) {
    this.#ports = ports;
  }

  list(): Device[] {
    const { identity, homeserver } = this.#ports;
    const known = this.#known();
    const own = identity.self.device;
    return identity.record.certificates.map(({ device, name, created }) => ({
      ...{ deviceId: device, name, createdAt: created },
      ...{ self: device === own, known: known.has(device) },
      // Whoever is off the list is not given the newer one: this is the last that was known.
      ...(device === own && homeserver.removed ? { removed: true as const } : {}),
    }));
  }

  /** The person knows it, or has just linked it. */
  acknowledge(device: DeviceId): void {
    const known = [...this.#known(), this.#get(device).device];
    const listed = new Set(this.#ports.identity.record.certificates.map((one) => one.device));
    this.#keepKnown(known.filter((one) => listed.has(one)));
  }

  /** What stood on the record when this device came is known to it. */
  begin(): void {
    const { store, identity } = this.#ports;
    if (store.identity.setting(knownSetting) === undefined)
      this.#keepKnown(identity.record.certificates.map(({ device }) => device));
  }

  async rename(device: DeviceId, name: string, password: string | undefined): Promise<void> {
    const { identity, primitives } = this.#ports;
    const held = this.#get(device);
    const keys = await accountKey(this.#ports, password);
    const certificate = deviceCertificate.sign(primitives, keys.accountSeed, {
      ...held,
      name: name.normalize("NFC").trim(),
    });
    const devices = identity.record.record.devices.map((one) =>
      deviceCertificate.open(primitives, one).device === device ? certificate : one,
    );
    await this.#publish(keys, { devices });
  }

  /** It is out of every room, and opens nothing that is written or stored from now on. */
  async revoke(device: DeviceId, password: string | undefined): Promise<void> {
    const { identity, primitives } = this.#ports;
    if (this.#get(device).device === identity.self.device) throw engineError("device-self");
    const devices = identity.record.record.devices.filter(
      (one) => deviceCertificate.open(primitives, one).device !== device,
    );
    await this.#leaveOut(await accountKey(this.#ports, password), devices);
  }

  /** The account's key was stolen: all other devices are out, and nothing changes any more without the kit's words. [A20] */
  async guard(words: string): Promise<void> {
    const { identity } = this.#ports;
    await this.#leaveOut({ ...kitKeysOf(this.#ports, words), guard: true }, [identity.self.certificate]);
    this.#ports.onGuarded();
  }

  async #leaveOut(account: AccountKeys, devices: Uint8Array[]): Promise<void> {
    const { identity, primitives, random, store, keys, shared, clock } = this.#ports;
    const requestKey = newRequestKey(primitives, random);
    const { id } = requestKey.key;
    store.identity.putRequestKey({ id, seed: requestKey.seed, createdAt: clock.now() });
    await this.#publish(account, { devices, requestKey: requestKey.key });
    this.#ports.onFewer();
    await keys.share(account.accountSeed, identity.record, true);
    await shareRequestKeys(this.#ports, id);
    await shared.tellAll(true);
  }

  /** Shows a code for a further device. An earlier one is not good any more. */
  async link(password: string | undefined): Promise<{ code: string; until: number }> {
    const { homeserver, primitives, random, server } = this.#ports;
    const account = await accountKey(this.#ports, password);
    this.cancel();
    const code = newDeviceCode(random, server);
    const meeting = meetingOf(primitives, code.secret);
    const { until } = await homeserver.request("meetings.open", { meeting });
    const ephemeral = random.bytes(32);
    const before = { commitment: undefined, asking: undefined, answer: undefined };
    this.#hosting = { code, meeting, until, account, ephemeral, ...before };
    this.#changed();
    return { code: formatDeviceCode(code), until };
  }

  get linking(): Linking {
    const hosting = this.#hosting;
    if (hosting === undefined || hosting.until <= this.#ports.clock.now())
      return { state: "none", name: null, signs: [], until: null };
    const { asking, until, answer } = hosting;
    return {
      state: answer !== undefined ? "linked" : asking === undefined ? "shown" : "asking",
      name: asking?.request.name ?? null,
      signs: asking?.signs ?? [],
      until,
    };
  }

  /** The signs are the same on both: the device is certified, and told what it needs. */
  async confirm(): Promise<void> {
    const { primitives, identity, clock, keys, shared, store } = this.#ports;
    const hosting = this.#hosting;
    if (hosting?.asking === undefined || hosting.answer !== undefined) throw engineError("device-code-over");
    const { request, givingKey } = hosting.asking;
    const { account } = hosting;
    // Before it comes, so that it finds what we have.
    await shared.tellAll(false);
    const certificate = deviceCertificate.sign(primitives, account.accountSeed, {
      ...request,
      ...{ account: identity.account, created: clock.now() },
    });
    this.#keepKnown([...this.#known(), request.device]);
    await this.#publish(account, { devices: [...identity.record.record.devices, certificate] });
    await keys.share(account.accountSeed, identity.record, false);
    const gift = encode(deviceGift, {
      ...{ record: identity.record.signed, certificate, keys: keys.held },
      seen: store.identity.sealedVersions(seenMax),
    });
    hosting.answer = encode(linkingMessage, {
      kind: "linked",
      sealed: sealOnce(primitives, givingKey, gift),
    });
    this.#changed();
    await this.#answer(hosting, hosting.answer);
  }

  /** The code is not good any more; whoever asks with it is told so. */
  cancel(): void {
    const { homeserver, log } = this.#ports;
    const hosting = this.#hosting;
    this.#hosting = undefined;
    if (hosting === undefined) return;
    const over = async () => {
      if (hosting.answer === undefined && hosting.asking !== undefined)
        await this.#answer(hosting, encode(linkingMessage, { kind: "declined" }));
      await homeserver.request("meetings.close", { meeting: hosting.meeting });
    };
    over().catch((error: unknown) => log.info("a meeting ends by itself", { code: causeOf(error).code }));
    this.#changed();
  }

  /** A session was opened: whoever has the code meets us here again. */
  async resume(): Promise<void> {
    const hosting = this.#hosting;
    if (hosting !== undefined)
      await this.#ports.homeserver.request("meetings.open", { meeting: hosting.meeting });
  }

  /** Somebody who knows the meeting says this. What is wrong is not answered. */
  met({ meeting, message }: Extract<ClientEvent, { kind: "meeting" }>): void {
    const hosting = this.#hosting;
    if (hosting === undefined || !isEqual(hosting.meeting, meeting)) return;
    const answer = this.#heard(hosting, message);
    if (answer !== undefined)
      this.#answer(hosting, answer).catch((error: unknown) =>
        this.#ports.log.info("a device that is to be linked was not answered", { code: causeOf(error).code }),
      );
  }

  /** Our record as another device, or this one, has renewed it. */
  recordChanged(): void {
    this.#ports.ownRecords.bringOwn();
    this.#changed();
  }

  #heard(hosting: Hosting, message: Uint8Array): Uint8Array | undefined {
    const { primitives } = this.#ports;
    const said = decoded(message);
    if (said?.kind === "hello") {
      hosting.commitment ??= said.commitment.slice();
      if (!isEqual(hosting.commitment, said.commitment)) return undefined;
      const ephemeral = primitives.x25519.publicKey(hosting.ephemeral);
      return encode(linkingMessage, { kind: "hello", ephemeral });
    }
    if (said === undefined || hosting.commitment === undefined) return undefined;
    if (hosting.asking !== undefined)
      return isEqual(hosting.asking.message, message) ? hosting.answer : undefined;
    const { ephemeral, opening, sealed } = said;
    if (!isEqual(commitmentOf(primitives, ephemeral, opening), hosting.commitment)) return undefined;
    const giving = primitives.x25519.publicKey(hosting.ephemeral);
    const keys = linkKeys(primitives, hosting.code.secret, {
      ...{ ownPrivate: hosting.ephemeral, other: ephemeral, asking: ephemeral, giving },
    });
    const plaintext = keys && openOnce(primitives, keys.asking, sealed);
    const request = plaintext && requestIn(plaintext);
    if (keys === undefined || request === undefined) return undefined;
    const { signs, giving: givingKey } = keys;
    hosting.asking = { request, givingKey, signs, message: message.slice() };
    this.#changed();
    return undefined;
  }

  async #answer({ meeting }: Hosting, message: Uint8Array): Promise<void> {
    await this.#ports.homeserver.request("meetings.answer", { meeting, message });
  }

  /** The homeserver first: what it refuses changes nothing here. */
  async #publish(account: AccountKeys, changes: Partial<AccountRecord>): Promise<void> {
    const { identity, homeserver, store, primitives } = this.#ports;
    const signed = identity.signNext(account, changes);
    await homeserver.request("account.update", { record: signed });
    const { record } = openAccountRecord(primitives, signed);
    identity.transaction(() => {
      identity.update({ record: signed });
      const { account, server, handle, displayName, sequence } = record;
      store.accounts.put({ account, server, handle, displayName, sequence, record: signed });
    });
    this.recordChanged();
  }

  #get(device: DeviceId) {
    const found = this.#ports.identity.record.certificates.find((one) => one.device === device);
    if (found === undefined) throw engineError("device-unknown");
    return found;
  }

  #known(): Set<DeviceId> {
    const kept = this.#ports.store.identity.setting(knownSetting);
    const own = this.#ports.identity.self.device;
    return new Set([own, ...(kept === undefined ? [] : decode(knownForm, kept)).map(deviceId.fromBytes)]);
  }

  #keepKnown(devices: readonly DeviceId[]): void {
    const kept = encode(knownForm, [...new Set(devices)].map(deviceId.toBytes));
    this.#ports.store.identity.putSetting(knownSetting, kept);
    this.#changed();
  }

  #changed(): void {
    this.#ports.changes.mark("devices", undefined);
    this.#ports.changes.status();
  }
}

function decoded(message: Uint8Array) {
  try {
    return decode(askingMessage, message);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function requestIn(plaintext: Uint8Array): DeviceRequest | undefined {
  try {
    return decode(deviceRequest, plaintext);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof ProtocolError) return undefined;
    throw error;
  }
}
