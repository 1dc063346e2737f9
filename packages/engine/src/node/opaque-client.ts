/** OPAQUE by @serenity-kit/opaque (WebAssembly, audited); its messages are base64url text, ours are bytes. */
import { client, ready } from "@serenity-kit/opaque";
import type { OpaqueClient } from "../core/opaque-client.ts";

/** Argon2id with 64 MiB (RFC 9106 §4, the second recommended option). */
const keyStretching = "memory-constrained";

await ready;

export const nodeOpaqueClient: OpaqueClient = {
  startRegistration(password) {
    const { clientRegistrationState, registrationRequest } = client.startRegistration({ password });
    return { state: clientRegistrationState, request: toBytes(registrationRequest) };
  },
  finishRegistration(password, state, response) {
    const { registrationRecord, exportKey } = client.finishRegistration({
      password,
      clientRegistrationState: state,
      registrationResponse: toText(response),
      keyStretching,
    });
    return { upload: toBytes(registrationRecord), exportKey: toBytes(exportKey) };
  },
  startLogin(password) {
    const { clientLoginState, startLoginRequest } = client.startLogin({ password });
    return { state: clientLoginState, request: toBytes(startLoginRequest) };
  },
  finishLogin(password, state, response) {
    const loginResponse = toText(response);
    const done = client.finishLogin({ password, clientLoginState: state, loginResponse, keyStretching });
    return done && { finish: toBytes(done.finishLoginRequest), exportKey: toBytes(done.exportKey) };
  },
};

const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64url"));
const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
