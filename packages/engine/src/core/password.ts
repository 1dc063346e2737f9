/**
 * The password: needed only to sign in without another device. OPAQUE's export key wraps the account key, so that the
 * homeserver holds it without being able to open it.
 */
import type { AccountId, Primitives, RandomSource } from "@fedchat/protocol";
import { accountId, ProtocolError } from "@fedchat/protocol";
import type { Identity } from "./identity.ts";
import type { OpaqueClient } from "./opaque-client.ts";
import { passwordWeakness } from "./passphrase.ts";
import type { Homeserver } from "./ports.ts";

export interface PasswordPorts {
  identity: Identity;
  homeserver: Homeserver;
  opaque: OpaqueClient;
  primitives: Primitives;
  random: RandomSource;
}

/** Throws `ProtocolError("weak-password")` with the reason. */
export function refuseWeakPassword(password: string, ownNames: string[]): void {
  const weakness = passwordWeakness(password, ownNames);
  if (weakness !== undefined) throw new ProtocolError("weak-password", weakness);
}

/** Sets or changes the password of the open account. */
export async function setPassword(
  ports: PasswordPorts,
  password: string,
  accountSeed: Uint8Array,
): Promise<void> {
  await keepPassword(ports, ports.homeserver, password, accountSeed);
  ports.identity.update({ hasPassword: 1 });
}

/** The same at a homeserver where the account is open on this session. */
export async function keepPassword(
  { identity, opaque, primitives, random }: Omit<PasswordPorts, "homeserver">,
  homeserver: Pick<Homeserver, "request">,
  password: string,
  accountSeed: Uint8Array,
): Promise<void> {
  const { account } = identity.self;
  const started = opaque.startRegistration(password);
  const { response } = await homeserver.request("password.registerStart", { request: started.request });
  const { upload, exportKey } = opaque.finishRegistration(password, started.state, response);
  const wrappedKey = wrapAccountKey(primitives, random, { account, accountSeed, exportKey });
  await homeserver.request("password.registerFinish", { upload, wrappedKey });
}

const nonceBytes = 12;
const label = new TextEncoder().encode("fedchat/v1/account-key-wrap\0");

function wrapAccountKey(
  p: Primitives,
  random: RandomSource,
  { account, accountSeed, exportKey }: { account: AccountId; accountSeed: Uint8Array; exportKey: Uint8Array },
): Uint8Array {
  const nonce = random.bytes(nonceBytes);
  const sealed = p.aes256Gcm(p.sha256(label, exportKey)).seal(nonce, accountId.toBytes(account), accountSeed);
  return Uint8Array.of(...nonce, ...sealed);
}

/** Throws `ProtocolError("wrong-credentials")` where the key does not open it. */
export function unwrapAccountKey(
  p: Primitives,
  { account, wrappedKey, exportKey }: { account: AccountId; wrappedKey: Uint8Array; exportKey: Uint8Array },
): Uint8Array {
  const nonce = wrappedKey.subarray(0, nonceBytes);
  const aead = p.aes256Gcm(p.sha256(label, exportKey));
  const seed =
    nonce.length === nonceBytes
      ? aead.open(nonce, accountId.toBytes(account), wrappedKey.subarray(nonceBytes))
      : undefined;
  if (seed?.length !== 32 || accountId.fromBytes(p.ed25519.publicKey(seed)) !== account) {
    throw new ProtocolError("wrong-credentials");
  }
  return seed;
}
