/**
 * The homeserver's two secret keys, in one owner-only file of the data folder: made at the first start, read ever
 * after. Invariant: a start never replaces a file that is there, whatever is wrong with it, since the key *is* the server;
 * another one takes its place only by the words that were prepared for that.
 */
import { join } from "node:path";
import { array, decode, encode, limits, replacedServer, serverId } from "@fedchat/protocol";
import type { Primitives, RandomSource, ServerId } from "@fedchat/protocol";
import type { HomeserverKeys } from "../core/server-identity.ts";
import { makeOwnerOnlyFolder, readOwnerOnlyFile, SecretFileError, writeOwnerOnlyFile } from "./owner-only.ts";

export const keyFileName = "server-key.json";

const format = "fedchat-server-key/1";

/** As written: keys in base64url. `server` follows from `identity`, and shows a file that was damaged or mixed up. */
interface KeyFile {
  format: typeof format;
  server: ServerId;
  identity: string;
  noise: string;
  /** Absent: nobody may say that this server has another key. [R7] */
  recoveryKeyHash?: string;
  /** Keys that it had before, as in its record; absent: none. [R8] */
  replaces?: string;
}

/** Throws `SecretFileError` where the file is damaged, foreign, or readable by others. */
export function loadKeys(
  folder: string,
  ports: { primitives: Primitives; random: RandomSource },
): HomeserverKeys {
  const path = join(folder, keyFileName);
  makeOwnerOnlyFolder(folder);
  const text = readOwnerOnlyFile(path);
  if (text !== undefined) return parseKeys(text, path, ports.primitives);
  const keys = { identity: ports.random.bytes(32), noise: ports.random.bytes(32) };
  writeKeys(folder, keys, ports.primitives);
  return keys;
}

/** In place of what is there. */
export function writeKeys(folder: string, keys: HomeserverKeys, primitives: Primitives): void {
  const { identity, noise, recoveryKeyHash, replaces } = keys;
  const file: KeyFile = {
    format,
    server: serverOf(identity, primitives),
    identity: toText(identity),
    noise: toText(noise),
    ...(recoveryKeyHash === undefined ? {} : { recoveryKeyHash: toText(recoveryKeyHash) }),
    ...(replaces === undefined ? {} : { replaces: toText(encode(formerKeys, [...replaces])) }),
  };
  writeOwnerOnlyFile(join(folder, keyFileName), `${JSON.stringify(file, undefined, 2)}\n`);
}

function parseKeys(text: string, path: string, primitives: Primitives): HomeserverKeys {
  const wrong = (what: string, cause?: unknown) =>
    new SecretFileError(
      `${path} ${what}. It holds this server's identity and was left as it is: put it back from a backup. ` +
        "Moving it away makes this a new server, which nobody has linked.",
      { cause },
    );
  let file: Partial<Record<keyof KeyFile, unknown>>;
  try {
    file = JSON.parse(text) as Partial<Record<keyof KeyFile, unknown>>;
  } catch (cause) {
    throw wrong("is damaged", cause);
  }
  if (typeof file !== "object" || file === null || file.format !== format)
    throw wrong("is not a FedChat key file");
  const identity = fromText(file.identity);
  const noise = fromText(file.noise);
  if (identity === undefined || noise === undefined || file.server !== serverOf(identity, primitives)) {
    throw wrong("is damaged");
  }
  try {
    return { identity, noise, ...recoveryOf(file) };
  } catch (cause) {
    throw wrong("is damaged", cause);
  }
}

const formerKeys = array(replacedServer, { min: 1, max: limits.serverReplacedMax });

function recoveryOf(file: Partial<Record<keyof KeyFile, unknown>>): Partial<HomeserverKeys> {
  const recoveryKeyHash = fromText(file.recoveryKeyHash);
  if (file.recoveryKeyHash !== undefined && recoveryKeyHash === undefined) throw new Error("recoveryKeyHash");
  return {
    ...(recoveryKeyHash === undefined ? {} : { recoveryKeyHash }),
    ...(file.replaces === undefined
      ? {}
      : { replaces: decode(formerKeys, new Uint8Array(Buffer.from(String(file.replaces), "base64url"))) }),
  };
}

function serverOf(identity: Uint8Array, primitives: Primitives): ServerId {
  return serverId.fromBytes(primitives.ed25519.publicKey(identity));
}

const toText = (key: Uint8Array): string => Buffer.from(key).toString("base64url");

function fromText(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "base64url"));
}
