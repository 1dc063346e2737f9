/**
 * The account key for a moment, to sign a record or a certificate: from this device where it opened the account, else by
 * the password, as when signing in. Whoever asks for it keeps nothing of it. [U1]
 */
import { ProtocolError } from "@fedchat/protocol";
import { engineError } from "./causes.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import { unwrapAccountKey, type PasswordPorts } from "./password.ts";

export interface AccountKeyPorts extends PasswordPorts {
  homeserver: HomeserverClient;
}

/** Rejects with `EngineError("account-key-needed")`, and with `ProtocolError("wrong-credentials")`. */
export async function accountKey(ports: AccountKeyPorts, password: string | undefined): Promise<Uint8Array> {
  const { identity, homeserver, opaque, primitives, random } = ports;
  const { accountKey: held, account } = identity;
  if (held !== undefined) return held;
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
    return unwrapAccountKey(primitives, { account, wrappedKey, exportKey });
  } finally {
    session.close();
  }
}
