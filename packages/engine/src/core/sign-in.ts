/** Signs in on a new engine with handle and password: OPAQUE unwraps the account key, which certifies this device. */

import type { DeviceId } from "@fedchat/protocol";
import { deviceCertificate, openAccountRecord, ProtocolError, signAs } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { UnidentifiedSession } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import { sessionIdentity, signNextRecord } from "./identity.ts";
import { newDevice, newRequestKey } from "./new-keys.ts";
import type { OpaqueClient } from "./opaque-client.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";
import { unwrapAccountKey } from "./password.ts";
import type { RegistrationPorts } from "./registration.ts";

export interface SignInPorts extends RegistrationPorts {
  opaque: OpaqueClient;
  keys: StorageKeyRing;
}

export interface Credentials {
  handle: string;
  password: string;
  /** The device that was lost where this one is now: it is off the list with the record that lists this one. [U6] */
  replaces: DeviceId | undefined;
}

/** Rejects with `ProtocolError`: `wrong-credentials` for a wrong password and for an unknown handle alike. */
export async function signIn(ports: SignInPorts, credentials: Credentials): Promise<void> {
  const { homeserver, random } = ports;
  const noisePrivateKey = random.bytes(32);
  const session = await homeserver.openUnidentified(noisePrivateKey);
  try {
    await signInOn(ports, session, noisePrivateKey, credentials);
  } catch (error) {
    session.close();
    throw error;
  }
}

async function signInOn(
  ports: SignInPorts,
  session: UnidentifiedSession,
  noisePrivateKey: Uint8Array,
  { handle, password, replaces }: Credentials,
): Promise<void> {
  const { opaque, primitives, random, clock, deviceName, identity } = ports;
  const started = opaque.startLogin(password);
  const { attempt, response } = await session.request("password.loginStart", {
    handle,
    request: started.request,
  });
  const done = opaque.finishLogin(password, started.state, response);
  if (done === undefined) throw new ProtocolError("wrong-credentials");
  const { finish, exportKey } = done;
  const { wrappedKey, record: signed } = await session.request("password.loginFinish", { attempt, finish });
  const held = openAccountRecord(primitives, signed);
  const { account } = held.record;
  const accountSeed = unwrapAccountKey(primitives, { account, wrappedKey, exportKey });
  const nowMs = clock.now();
  const device = newDevice(primitives, random, {
    account,
    accountSeed,
    name: deviceName,
    nowMs,
    noisePrivateKey,
  });
  const staying = held.record.devices.filter(
    (one) => deviceCertificate.open(primitives, one).device !== replaces,
  );
  // Whoever has the lost device reads no note that is sealed from now on.
  const isFewer = staying.length < held.record.devices.length;
  const renewed = isFewer ? newRequestKey(primitives, random) : undefined;
  const changes = {
    devices: [...staying, device.certificate],
    ...(renewed && { requestKey: renewed.key }),
  };
  const record = signNextRecord(primitives, { accountSeed }, held.record, changes, nowMs);
  const signature = signAs(primitives, "client-session", device.signatureSeed, session.handshakeHash);
  const opened = await session.request("device.add", { record, device: device.device, signature });
  keep(ports, () => {
    const settings = ports.store.identity;
    settings.putSetting(accountKeyForNow, Uint8Array.of(1));
    if (renewed !== undefined)
      settings.putRequestKey({ id: renewed.key.id, seed: renewed.seed, createdAt: nowMs });
    identity.keep({
      ...{ state: "open", account, accountSeed, recoverySeed: null, ...device, deviceName },
      ...{ record: opened.record, fencing: opened.fencing, createdAt: nowMs },
      ...{ administrator: opened.administrator ? 1 : 0, hasPassword: opened.hasPassword ? 1 : 0 },
    });
  });
  session.adopt(sessionIdentity(identity.self), opened);
  // The account key stays for this alone: from now on this device has keys of its own to sealed storage. [U1]
  await giveUpAccountKey(ports);
}

const accountKeyForNow = "account-key-for-now";

/** Once this device has its share of the storage keys it needs the account key no longer; also after a restart. [U1] */
export async function giveUpAccountKey({
  store,
  identity,
  keys,
}: Pick<SignInPorts, "store" | "identity" | "keys">): Promise<void> {
  const seed = identity.accountKey;
  if (seed === undefined || store.identity.setting(accountKeyForNow)?.[0] !== 1) return;
  await keys.share(seed, identity.record, "where-needed");
  identity.transaction(() => {
    store.identity.putSetting(accountKeyForNow, Uint8Array.of(0));
    identity.update({ accountSeed: new Uint8Array() });
  });
}

function keep(
  { store, identity, rooms }: { store: EngineStore; identity: Identity; rooms: RegistrationPorts["rooms"] },
  keepIdentity: () => void,
): void {
  identity.transaction(() => {
    keepIdentity();
    const { record, signed } = identity.record;
    const { account, server, handle, displayName, sequence } = record;
    store.accounts.put({ account, server, handle, displayName, sequence, record: signed });
    rooms.addNotes();
  });
}
