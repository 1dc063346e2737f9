/**
 * OPAQUE (RFC 9807) by @serenity-kit/opaque: the only file that names that library on the server's side. Its randomness
 * is the system's own.
 */
import { ProtocolError } from "@fedchat/protocol";
import { client, ready, server } from "@serenity-kit/opaque";
import type { OpaqueServer, OpaqueSuite } from "../core/accounts/passwords.ts";

/** Resolves once the library is loaded. */
export async function loadOpaque(): Promise<OpaqueSuite> {
  await ready;
  return {
    createSetup: () => utf8.encode(server.createSetup()),
    open: (setup) => openServer(new TextDecoder().decode(setup)),
  };
}

const utf8 = new TextEncoder();

function openServer(serverSetup: string): OpaqueServer {
  return {
    isRecord(upload) {
      // The library takes a record apart only when somebody signs in: so somebody does, for once, before it is kept.
      const { startLoginRequest } = client.startLogin({ password: "" });
      const registrationRecord = toBase64Url(upload);
      try {
        server.startLogin({ serverSetup, userIdentifier: "", registrationRecord, startLoginRequest });
        return true;
      } catch {
        return false;
      }
    },

    registrationResponse(credential, request) {
      const { registrationResponse } = attempt(() =>
        server.createRegistrationResponse({
          serverSetup,
          userIdentifier: credential,
          registrationRequest: toBase64Url(request),
        }),
      );
      return fromBase64Url(registrationResponse);
    },

    startLogin(credential, record, request) {
      const { serverLoginState, loginResponse } = attempt(() =>
        server.startLogin({
          serverSetup,
          userIdentifier: credential,
          registrationRecord: record === undefined ? null : toBase64Url(record),
          startLoginRequest: toBase64Url(request),
        }),
      );
      return { state: serverLoginState, response: fromBase64Url(loginResponse) };
    },

    finishLogin(state, finish) {
      try {
        server.finishLogin({ serverLoginState: state, finishLoginRequest: toBase64Url(finish) });
        return true;
      } catch {
        return false; // Wrong or malformed: the library throws for both, and nobody is told which.
      }
    },
  };
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new ProtocolError("malformed", "not an OPAQUE message", { cause });
  }
}

const toBase64Url = (source: Uint8Array): string => Buffer.from(source).toString("base64url");
const fromBase64Url = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64url"));
