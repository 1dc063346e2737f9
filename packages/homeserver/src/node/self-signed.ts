/**
 * A self-signed certificate (RFC 5280, ECDSA with P-256 and SHA-256) for the outer TLS, which only keeps the carrier
 * private: who a homeserver is, is proved by Noise inside, so nothing depends on what this says.
 */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";

const oids = { commonName: "2.5.4.3", ecdsaWithSha256: "1.2.840.10045.4.3.2" };

/** RFC 6761 §6.4: nobody has it, so no browser takes the certificate for somebody's. */
export const nobodysName = "fedchat.invalid";

/** In PEM. Times are Unix ms. The name is one that nobody has, unless another is wanted. */
export function makeSelfSigned(
  notBefore: number,
  notAfter: number,
  host = nobodysName,
): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = new AlgorithmIdentifier({ algorithm: oids.ecdsaWithSha256 });
  const name = new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: oids.commonName,
        value: new AttributeValue({ utf8String: "FedChat" }),
      }),
    ]),
  ]);
  const toBeSigned = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: name,
    subject: name,
    validity: new Validity({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) }),
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ format: "der", type: "spki" }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
      extension(id_ce_subjectAltName, new SubjectAlternativeName([new GeneralName({ dNSName: host })])),
    ]),
  });
  const signature = sign("sha256", new Uint8Array(AsnConvert.serialize(toBeSigned)), privateKey);
  const certificate = new Certificate({
    tbsCertificate: toBeSigned,
    signatureAlgorithm: algorithm,
    signatureValue: ownBuffer(signature),
  });
  return {
    cert: new X509Certificate(new Uint8Array(AsnConvert.serialize(certificate))).toString(),
    key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  };
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** RFC 5280 §4.1.2.2: positive, unique; the bits that could make it negative or shorter are fixed. */
function serialNumber(): ArrayBuffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return ownBuffer(serial);
}

const ownBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;
