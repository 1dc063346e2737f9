/** Credential (RFC 9420 §5.3). Which identifiers it presents is the application's business, not ours. */
import { equal } from "../codec/bytes.ts";
import { type Codec, opaque, uint16, vector } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";

export type Credential =
  | { readonly type: "basic"; readonly identity: Uint8Array }
  /** DER certificates, the end entity's first. */
  | { readonly type: "x509"; readonly certificates: readonly Uint8Array[] };

const TYPES = { basic: 1, x509: 2 } as const;

/** The registered number (RFC 9420 §17.5), as capabilities list it. */
export function credentialType(credential: Credential): number {
  return TYPES[credential.type];
}

/** Whether two credentials are the same, octet by octet. */
export function sameCredential(a: Credential, b: Credential): boolean {
  if (a.type === "basic") return b.type === "basic" && equal(a.identity, b.identity);
  if (b.type === "basic" || a.certificates.length !== b.certificates.length) return false;
  return a.certificates.every((certificate, i) => equal(certificate, b.certificates[i]!));
}

const certificateList = vector(opaque);

export const credential: Codec<Credential> = {
  write(writer, value) {
    writer.uint16(TYPES[value.type]);
    if (value.type === "basic") writer.opaque(value.identity);
    else certificateList.write(writer, value.certificates);
  },
  read(reader) {
    const type = uint16.read(reader);
    if (type === TYPES.basic) return { type: "basic", identity: reader.opaque() };
    if (type === TYPES.x509) return { type: "x509", certificates: certificateList.read(reader) };
    throw new DecodeError(`a credential of the unknown type ${type}`);
  },
};
