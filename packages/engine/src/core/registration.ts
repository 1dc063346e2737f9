/**
 * Opens this engine's account. The keys are on disk before the homeserver hears of them: an answer that got lost leaves
 * an account that the next attempt finds, never a name taken by keys that nobody has.
 */
import type { ClientResult, Clock, Primitives, RandomSource, ServerId } from "@fedchat/protocol";
import { accountId, accountRecord, nextSequence, ProtocolError, signAs } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { IdentityRow } from "../store/identity-table.ts";
import { handlesFor } from "./handles.ts";
import type { HomeserverClient, UnidentifiedSession } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import { sessionIdentity, signNextRecord } from "./identity.ts";
import { newDevice, newRequestKey } from "./new-keys.ts";
import { keptSetting, kitSetting, writtenTime } from "./recovery-kit.ts";
import { keysOfKit, kitBytes } from "./recovery-words.ts";
import type { Rooms } from "./rooms.ts";

export interface RegistrationPorts {
  store: EngineStore;
  identity: Identity;
  rooms: Rooms;
  homeserver: HomeserverClient;
  server: ServerId;
  deviceName: string;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
}

export interface NewAccount {
  displayName: string;
  /** Undefined: made from the display name, with a number where it is taken. */
  handle: string | undefined;
  token: Uint8Array;
  /** Of an account that was lost with its homeserver: its keys come back here. Absent: a new one is made. [A18] */
  kit?: Uint8Array;
}

type Opened = ClientResult<"account.register">;

/** Rejects with `ProtocolError`: `handle-taken`, `registration-closed`, `unreachable` among them. */
export async function register(ports: RegistrationPorts, account: NewAccount): Promise<void> {
  const { store, identity, rooms } = ports;
  const row = identity.registering ?? newIdentity(ports, account);
  const found = identity.registering && (await openEarlier(ports, row));
  const opened = found ?? (await registerNew(ports, account, row));
  identity.transaction(() => {
    const { fencing, hasPassword, administrator, record } = opened.result;
    identity.update({
      ...{ state: "open", record, fencing },
      ...{ administrator: administrator ? 1 : 0, hasPassword: hasPassword ? 1 : 0 },
    });
    const own = identity.record;
    const { account: key, server, handle, displayName, sequence } = own.record;
    store.accounts.put({ account: key, server, handle, displayName, sequence, record: own.signed });
    rooms.addNotes();
  });
  opened.session.adopt(sessionIdentity(identity.self), opened.result);
}

interface OpenedSession {
  session: UnidentifiedSession;
  result: Opened;
}

/** A registration whose answer was lost may have succeeded: then its session opens. */
async function openEarlier(ports: RegistrationPorts, row: IdentityRow): Promise<OpenedSession | undefined> {
  const session = await ports.homeserver.openUnidentified(row.noisePrivateKey);
  const { account, device, fencing } = row;
  try {
    const signature = signSession(ports, row, session);
    return {
      session,
      result: await session.request("session.open", { account, device, fencing, signature }),
    };
  } catch (error) {
    session.close();
    if (error instanceof ProtocolError && error.code !== "unreachable") return undefined;
    throw error;
  }
}

async function registerNew(
  ports: RegistrationPorts,
  { displayName, handle, token, kit }: NewAccount,
  row: IdentityRow,
): Promise<OpenedSession> {
  const { identity, homeserver, random } = ports;
  const session = await homeserver.openUnidentified(row.noisePrivateKey);
  try {
    const signature = signSession(ports, row, session);
    const candidates = handle === undefined ? handlesFor(displayName, random) : [handle];
    let taken: ProtocolError | undefined;
    for (const candidate of candidates) {
      const record = namedRecord(ports, row, { handle: candidate, displayName }, kit);
      identity.keep({ ...row, record });
      try {
        const { device } = row;
        const result = await session.request("account.register", { token, record, device, signature });
        return { session, result };
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "handle-taken") throw error;
        taken = error;
      }
    }
    throw taken ?? new ProtocolError("handle-taken");
  } catch (error) {
    session.close();
    if (error instanceof ProtocolError && error.retry === "never") identity.forget();
    throw error;
  }
}

function signSession(
  { primitives }: RegistrationPorts,
  row: IdentityRow,
  session: UnidentifiedSession,
): Uint8Array {
  return signAs(primitives, "client-session", row.signatureSeed, session.handshakeHash);
}

function newIdentity(ports: RegistrationPorts, wish: NewAccount): IdentityRow {
  const { displayName, handle } = wish;
  const { store, primitives, random, clock, deviceName, server } = ports;
  const nowMs = clock.now();
  const kit = wish.kit ?? random.bytes(kitBytes);
  const { accountSeed, recoverySeed } = keysOfKit(primitives, kit);
  const account = accountId.fromBytes(primitives.ed25519.publicKey(accountSeed));
  const device = newDevice(primitives, random, { account, accountSeed, name: deviceName, nowMs });
  const { seed, key: requestKey } = newRequestKey(primitives, random);
  const record = accountRecord.sign(primitives, accountSeed, {
    account,
    recoveryKeyHash: recoverySeed ? primitives.sha256(primitives.ed25519.publicKey(recoverySeed)) : null,
    server,
    handle: handle ?? handlesFor(displayName, random)[0]!,
    displayName,
    devices: [device.certificate],
    requestKey,
    sequence: nextSequence(0, nowMs),
    issued: nowMs,
  });
  // Whoever typed its words has them on paper.
  if (wish.kit === undefined) store.identity.putSetting(kitSetting, kit);
  else store.identity.putSetting(keptSetting, writtenTime(nowMs));
  store.identity.putRequestKey({ id: requestKey.id, seed, createdAt: nowMs });
  return {
    ...{
      state: "registering",
      account,
      accountSeed,
      recoverySeed: wish.kit === undefined ? recoverySeed! : null,
      ...device,
      deviceName,
      record,
    },
    ...{ fencing: 0, administrator: 0, hasPassword: 0, createdAt: nowMs },
  };
}

/** @param kit of an account that comes back by it: whoever has a lost device has its key, so that it is guarded from then on */
function namedRecord(
  { primitives, clock }: RegistrationPorts,
  { accountSeed, record }: IdentityRow,
  named: { handle: string; displayName: string },
  kit: Uint8Array | undefined,
): Uint8Array {
  const recoverySeed = kit && keysOfKit(primitives, kit).recoverySeed;
  const keys = { accountSeed, recoverySeed, guard: recoverySeed !== undefined };
  return signNextRecord(primitives, keys, accountRecord.open(primitives, record), named, clock.now());
}
