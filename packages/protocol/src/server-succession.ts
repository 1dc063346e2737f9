/**
 * That a homeserver has another key: the recovery key of the former one says which, since the former key itself is stolen
 * or lost. It stands in the new server's own record, and so travels wherever that does. Irrevocable: nothing that the
 * former key signs takes it back. [R7] to [R9]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { bytes, encode, struct, uint } from "./cbor/codec.ts";
import type { ServerId } from "./names.ts";
import { serverId } from "./names.ts";
import { equalBytes } from "./primitives/bytes.ts";
import type { Primitives } from "./primitives/primitives.ts";
import { signAs, verifyAs } from "./signed.ts";

export const replacedServer = struct({
  /** The former key. */
  server: serverId.codec,
  recoveryKey: bytes(32),
  issued: uint({}),
  signature: bytes(64),
});
export type ReplacedServer = TypeOf<typeof replacedServer>;

const statement = struct({ former: serverId.codec, successor: serverId.codec, issued: uint({}) });
const type = "server-successor";

/** The name by which a record knows a recovery key. [R7] */
export function recoveryKeyHashOf(p: Primitives, recoverySeed: Uint8Array): Uint8Array {
  return p.sha256(p.ed25519.publicKey(recoverySeed));
}

/** Says that `former` is `successor` from now on. */
export function replaceServer(
  p: Primitives,
  recoverySeed: Uint8Array,
  { former, successor, issued }: { former: ServerId; successor: ServerId; issued: number },
): ReplacedServer {
  const signature = signAs(p, type, recoverySeed, encode(statement, { former, successor, issued }));
  return { server: former, recoveryKey: p.ed25519.publicKey(recoverySeed), issued, signature };
}

/** Whether the recovery key of this hash says so. [R8] */
export function isReplacedBy(
  p: Primitives,
  successor: ServerId,
  { server: former, recoveryKey, issued, signature }: ReplacedServer,
  recoveryKeyHash: Uint8Array | undefined,
): boolean {
  if (recoveryKeyHash === undefined || former === successor) return false;
  if (!equalBytes(p.sha256(recoveryKey), recoveryKeyHash)) return false;
  return verifyAs(p, type, recoveryKey, encode(statement, { former, successor, issued }), signature);
}
