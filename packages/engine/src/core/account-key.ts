/**
 * The account key for a moment, to sign a record or a certificate: from this device where it opened the account, else by
 * the password, as when signing in. Whoever asks for it keeps nothing of it. [U1]
 */
import { accountId, ProtocolError } from "@fedchat/protocol";
import { engineError } from "./causes.ts";
import { isEqual } from "./credentials.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { AccountKeys } from "./identity.ts";
import { wordsNeeded } from "./identity.ts";
import { unwrapAccountKey, type PasswordPorts } from "./password.ts";
import { keysOfKit, kitFromWords } from "./recovery-words.ts";

export interface AccountKeyPorts extends PasswordPorts {
  homeserver: HomeserverClient;
}

/**
 * Rejects with `EngineError("account-key-needed")`, and with `ProtocolError("wrong-credentials")`.
 * @param password of the account, where this device does not hold the key; the recovery kit's words, where it is guarded
 */
export async function accountKey(ports: AccountKeyPorts, password: string | undefined): Promise<AccountKeys> {
  const { identity, homeserver, opaque, primitives, random } = ports;
  const { accountKey: held, account } = identity;
  if (identity.record.record.guard !== undefined) {
    if (password === undefined || password === "") throw wordsNeeded();
    return kitKeysOf(ports, password);
  }
  if (held !== undefined) return { accountSeed: held };
  if (password === undefined || password === "") throw engineError("account-key-needed");
  const { handle } = identity.record.record;
  const session = await homeserver.openUnidentified(random.bytes(32));
  try {
    const started = opaque.startLogin(password);
    const asked = { handle, request: started.request };
    const { attempt, response } = await session.request("password.loginStart", asked);
    const done = opaque.finishLogin(password, started.state, response);
    if (done === undefined) throw new ProtocolError("wrong-credentials");
    const { finish, exportKey } = done;
    const { wrappedKey } = await session.request("password.loginFinish", { attempt, finish });
    return { accountSeed: unwrapAccountKey(primitives, { account, wrappedKey, exportKey }) };
  } finally {
    session.close();
  }
}

/** Both keys of this account's kit. Throws `EngineError("bad-words")` for words of another one, or of an account key alone. */
export function kitKeysOf(
  { identity, primitives }: Pick<AccountKeyPorts, "identity" | "primitives">,
  words: string,
): AccountKeys {
  const { accountSeed, recoverySeed } = keysOfKit(primitives, kitFromWords(words));
  const { recoveryKeyHash } = identity.record.record;
  const isOurs = accountId.fromBytes(primitives.ed25519.publicKey(accountSeed)) === identity.account;
  const hash = recoverySeed && primitives.sha256(primitives.ed25519.publicKey(recoverySeed));
  if (!isOurs || hash === undefined || recoveryKeyHash === null || !isEqual(hash, recoveryKeyHash))
    throw engineError("bad-words", "These are not the twelve words of this account's recovery kit.");
  return { accountSeed, recoverySeed };
}
