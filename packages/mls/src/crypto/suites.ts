/** The cipher suites (RFC 9420 §5.1, §17.1), one row each. */
import type { HpkeSuite } from "./hpke.ts";
import { dhkemX25519, mlkem768X25519 } from "./kem.ts";

export interface SuiteParameters {
  readonly id: number;
  readonly name: string;
  /** Its KDF's hash is the suite's hash and MAC as well; signatures are Ed25519 in every row. */
  readonly hpke: HpkeSuite;
}

const ROWS: readonly SuiteParameters[] = [
  {
    id: 0x0001,
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    hpke: { kem: dhkemX25519, kdf: "sha256", aead: "aes128gcm" },
  },
  {
    id: 0x0003,
    name: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
    hpke: { kem: dhkemX25519, kdf: "sha256", aead: "chacha20poly1305" },
  },
  {
    // draft-ietf-mls-pq-ciphersuites-06 §3, first row. IANA has assigned no value yet ("TBD1"); this is the one that
    // OpenMLS uses meanwhile. When the registry has it, it changes here, and groups move by ReInit.
    id: 0x004f,
    name: "MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519",
    hpke: { kem: mlkem768X25519, kdf: "sha256", aead: "aes128gcm" },
  },
];

const BY_ID = new Map(ROWS.map((row) => [row.id, row]));

export const SUITE_X25519_AES128GCM = 0x0001;
export const SUITE_X25519_CHACHA20POLY1305 = 0x0003;
export const SUITE_MLKEM768_X25519_AES128GCM = 0x004f;

export const SUITE_IDS: readonly number[] = ROWS.map((row) => row.id);

export function suiteParameters(id: number): SuiteParameters | undefined {
  return BY_ID.get(id);
}
