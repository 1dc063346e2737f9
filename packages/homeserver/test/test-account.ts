/** Accounts and devices with real keys and signed records, for tests and benchmarks. */
import type {
  AccountId,
  AccountRecord,
  DeviceId,
  Primitives,
  RandomSource,
  ServerId,
} from "@fedchat/protocol";
import { accountId, accountRecord, deviceCertificate, deviceId } from "@fedchat/protocol";
import type { ClientDevice } from "./client.ts";

export interface TestAccount {
  id: AccountId;
  seed: Uint8Array;
  devices: TestDevice[];
  record: AccountRecord;
  signed: Uint8Array;
}

export interface TestDevice extends ClientDevice {
  /** Signed certificate. */
  certificate: Uint8Array;
}

interface Keys {
  primitives: Primitives;
  random: RandomSource;
}

export function makeAccount(
  { primitives, random }: Keys,
  terms: { server: ServerId; handle: string; nowMs: number; devices?: number },
): TestAccount {
  const seed = random.bytes(32);
  const id = accountId.fromBytes(primitives.ed25519.publicKey(seed));
  const devices = Array.from({ length: terms.devices ?? 1 }, () =>
    makeDevice({ primitives, random }, { seed, id }),
  );
  const record: AccountRecord = {
    account: id,
    recoveryKeyHash: null,
    server: terms.server,
    handle: terms.handle,
    displayName: terms.handle,
    devices: devices.map(({ certificate }) => certificate),
    requestKey: { id: random.bytes(8), publicKey: primitives.xwing.publicKey(random.bytes(32)) },
    sequence: terms.nowMs,
    issued: terms.nowMs,
  };
  return { id, seed, devices, record, signed: accountRecord.sign(primitives, seed, record) };
}

export function makeDevice(
  { primitives, random }: Keys,
  { seed, id }: Pick<TestAccount, "seed" | "id">,
  device: DeviceId = deviceId.fromBytes(random.bytes(16)),
): TestDevice {
  const signatureSeed = random.bytes(32);
  const noisePrivateKey = random.bytes(32);
  const certificate = deviceCertificate.sign(primitives, seed, {
    account: id,
    device,
    signatureKey: primitives.ed25519.publicKey(signatureSeed),
    noiseKey: primitives.x25519.publicKey(noisePrivateKey),
    name: "test",
    created: 1,
  });
  return { id: device, signatureSeed, noisePrivateKey, certificate };
}

/** The account with a changed record of the next sequence. */
export function changed(
  { primitives }: Pick<Keys, "primitives">,
  account: TestAccount,
  change: Partial<AccountRecord>,
): TestAccount {
  const record = { ...account.record, sequence: account.record.sequence + 1, ...change };
  return { ...account, record, signed: accountRecord.sign(primitives, account.seed, record) };
}
