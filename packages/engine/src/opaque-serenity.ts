/** OPAQUE by @serenity-kit/opaque (WebAssembly, audited), in Node and browsers; its messages are base64url text, ours are bytes. */
import { fromBase64Url, toBase64Url } from "@fedchat/protocol";
import { client, ready } from "@serenity-kit/opaque";
import type { OpaqueClient } from "./core/opaque-client.ts";

await ready;

type KeyStretching = NonNullable<Parameters<typeof client.finishLogin>[0]["keyStretching"]>;

/** Both sides of an account's life need the same. */
export const opaqueStretchedBy = (keyStretching: KeyStretching): OpaqueClient => ({
  startRegistration(password) {
    const { clientRegistrationState, registrationRequest } = client.startRegistration({ password });
    return { state: clientRegistrationState, request: fromBase64Url(registrationRequest) };
  },
  finishRegistration(password, state, response) {
    const { registrationRecord, exportKey } = client.finishRegistration({
      password,
      clientRegistrationState: state,
      registrationResponse: toBase64Url(response),
      keyStretching,
    });
    return { upload: fromBase64Url(registrationRecord), exportKey: fromBase64Url(exportKey) };
  },
  startLogin(password) {
    const { clientLoginState, startLoginRequest } = client.startLogin({ password });
    return { state: clientLoginState, request: fromBase64Url(startLoginRequest) };
  },
  finishLogin(password, state, response) {
    const loginResponse = toBase64Url(response);
    const done = client.finishLogin({ password, clientLoginState: state, loginResponse, keyStretching });
    return (
      done && { finish: fromBase64Url(done.finishLoginRequest), exportKey: fromBase64Url(done.exportKey) }
    );
  },
});

/** Argon2id with 64 MiB (RFC 9106 §4, the second recommended option). */
export const serenityOpaque = opaqueStretchedBy("memory-constrained");
