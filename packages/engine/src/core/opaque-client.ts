/**
 * OPAQUE (RFC 9807) as its client: the homeserver learns neither the password nor anything to test it with offline but
 * its own database. The key-stretching function is Argon2id with 64 MiB. Behind an interface, because the library draws
 * its own randomness and needs to be loaded.
 */
export interface OpaqueClient {
  startRegistration(password: string): { state: string; request: Uint8Array };
  finishRegistration(
    password: string,
    state: string,
    response: Uint8Array,
  ): { upload: Uint8Array; exportKey: Uint8Array };
  startLogin(password: string): { state: string; request: Uint8Array };
  /** Undefined for a wrong password (or an unknown handle, which looks the same). */
  finishLogin(
    password: string,
    state: string,
    response: Uint8Array,
  ): { finish: Uint8Array; exportKey: Uint8Array } | undefined;
}
