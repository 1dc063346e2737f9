/** Fresh keys: of a device with its certificate, and the key that requests are sealed to. */
import type { AccountId, DeviceId, Primitives, RandomSource, RequestKey } from "@fedchat/protocol";
import { deviceCertificate, deviceId } from "@fedchat/protocol";

export interface NewDevice {
  device: DeviceId;
  signatureSeed: Uint8Array;
  noisePrivateKey: Uint8Array;
  certificate: Uint8Array;
}

export interface DeviceOf {
  account: AccountId;
  /** Signs the device's certificate. */
  accountSeed: Uint8Array;
  name: string;
  nowMs: number;
  /** The key of a channel that is open already; else a fresh one. */
  noisePrivateKey?: Uint8Array;
}

export function newDevice(p: Primitives, random: RandomSource, of: DeviceOf): NewDevice {
  const device = deviceId.fromBytes(random.bytes(16));
  const signatureSeed = random.bytes(32);
  const noisePrivateKey = of.noisePrivateKey ?? random.bytes(32);
  const certificate = deviceCertificate.sign(p, of.accountSeed, {
    account: of.account,
    device,
    signatureKey: p.ed25519.publicKey(signatureSeed),
    noiseKey: p.x25519.publicKey(noisePrivateKey),
    name: of.name,
    created: of.nowMs,
  });
  return { device, signatureSeed, noisePrivateKey, certificate };
}

export function newRequestKey(p: Primitives, random: RandomSource): { seed: Uint8Array; key: RequestKey } {
  const seed = random.bytes(32);
  return { seed, key: { id: random.bytes(8), publicKey: p.xwing.publicKey(seed) } };
}
