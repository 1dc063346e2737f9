/** The account key's statement that a device belongs to it; it is the MLS credential of that device. [A5] */
import type { TypeOf } from "./cbor/codec.ts";
import { bytes, struct, text, uint } from "./cbor/codec.ts";
import { deviceCertificateBytesMax, signedOverheadBytesMax } from "./limits.ts";
import { accountId, deviceId } from "./names.ts";
import { signedKind } from "./signed.ts";

export const deviceCertificateBody = struct({
  account: accountId.codec,
  device: deviceId.codec,
  /** Ed25519: signs the device's requests and is its MLS leaf key. */
  signatureKey: bytes(32),
  /** X25519: the device's static Noise key. */
  noiseKey: bytes(32),
  name: text({ max: 64 }),
  created: uint({}),
});
export type DeviceCertificate = TypeOf<typeof deviceCertificateBody>;

export const deviceCertificate = signedKind(
  "device-certificate",
  deviceCertificateBody,
  (certificate) => accountId.toBytes(certificate.account),
  { bytesMax: deviceCertificateBytesMax - signedOverheadBytesMax },
);
