/**
 * Opens an account on a new engine by nothing but its account key, which the recovery kit's words give. Every other
 * device is lost to whoever does this, and is taken off the account's list. [F13]
 */
import { accountId, openAccountRecord, ProtocolError, signAs } from "@fedchat/protocol";
import { engineError } from "./causes.ts";
import type { AccountKeys } from "./identity.ts";
import { sessionIdentity, signNextRecord } from "./identity.ts";
import { newDevice, newRequestKey } from "./new-keys.ts";
import type { UnidentifiedSession } from "./homeserver-client.ts";
import { keptSetting, writtenTime } from "./recovery-kit.ts";
import { kitFromWords, keysOfKit } from "./recovery-words.ts";
import type { RegistrationPorts } from "./registration.ts";

/** Rejects with `EngineError` (`bad-words`, `kit-of-elsewhere`) or `ProtocolError`. */
export async function recover(ports: RegistrationPorts, words: string, stolen: boolean): Promise<void> {
  const { homeserver, primitives, random } = ports;
  const keys = { ...keysOfKit(primitives, kitFromWords(words)), guard: stolen };
  const noisePrivateKey = random.bytes(32);
  const session = await homeserver.openUnidentified(noisePrivateKey);
  try {
    await recoverOn(ports, session, { keys, noisePrivateKey });
  } catch (error) {
    session.close();
    if (error instanceof ProtocolError && error.code === "unknown-account")
      throw engineError("kit-of-elsewhere");
    throw error;
  }
}

async function recoverOn(
  ports: RegistrationPorts,
  session: UnidentifiedSession,
  { keys, noisePrivateKey }: { keys: AccountKeys; noisePrivateKey: Uint8Array },
): Promise<void> {
  const { accountSeed } = keys;
  const { primitives, random, clock, deviceName, identity, store, rooms } = ports;
  const account = accountId.fromBytes(primitives.ed25519.publicKey(accountSeed));
  const proof = signAs(primitives, "account-recovery", accountSeed, session.handshakeHash);
  const { record: signed } = await session.request("account.prove", { account, signature: proof });
  const held = openAccountRecord(primitives, signed);
  if (held.record.account !== account) throw new ProtocolError("malformed", "another account's record");
  const nowMs = clock.now();
  const device = newDevice(primitives, random, {
    ...{ account, accountSeed, name: deviceName, nowMs, noisePrivateKey },
  });
  // Whoever has a lost device reads no note that is sealed from now on.
  const requestKey = newRequestKey(primitives, random);
  const changes = { devices: [device.certificate], requestKey: requestKey.key };
  const record = signNextRecord(primitives, keys, held.record, changes, nowMs);
  const signature = signAs(primitives, "client-session", device.signatureSeed, session.handshakeHash);
  const opened = await session.request("device.add", { record, device: device.device, signature });
  identity.transaction(() => {
    identity.keep({
      ...{ state: "open", account, accountSeed, recoverySeed: null, ...device, deviceName },
      ...{ record: opened.record, fencing: opened.fencing, createdAt: nowMs },
      ...{ administrator: opened.administrator ? 1 : 0, hasPassword: opened.hasPassword ? 1 : 0 },
    });
    const { server, handle, displayName, sequence } = identity.record.record;
    store.accounts.put({ account, server, handle, displayName, sequence, record: identity.record.signed });
    const { id } = requestKey.key;
    store.identity.putRequestKey({ id, seed: requestKey.seed, createdAt: nowMs });
    rooms.addNotes();
    // Whoever typed the words has them on paper.
    store.identity.putSetting(keptSetting, writtenTime(nowMs));
  });
  session.adopt(sessionIdentity(identity.self), opened);
}
