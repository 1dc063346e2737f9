/**
 * The homeserver's two secret keys, in one owner-only file of the data folder: made at the first start, read ever
 * after. Invariant: a file that is there is never replaced, whatever is wrong with it, since the key *is* the server.
 */
import { join } from "node:path";
import { serverId } from "@fedchat/protocol";
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
  const file: KeyFile = {
    format,
    server: serverOf(keys.identity, ports.primitives),
    identity: toText(keys.identity),
    noise: toText(keys.noise),
  };
  writeOwnerOnlyFile(path, `${JSON.stringify(file, undefined, 2)}\n`);
  return keys;
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
  return { identity, noise };
}

function serverOf(identity: Uint8Array, primitives: Primitives): ServerId {
  return serverId.fromBytes(primitives.ed25519.publicKey(identity));
}

const toText = (key: Uint8Array): string => Buffer.from(key).toString("base64url");

function fromText(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "base64url"));
}
