/** What must not leave a data folder: the private keys in an engine's store, and the files to search for them. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { FedchatProcess } from "./fedchat-process.ts";

export const isEngineStore = (path: string): boolean => basename(path).startsWith("engine.db");

export function filesOf({ data }: FedchatProcess): { path: string; bytes: Buffer }[] {
  return readdirSync(data, { recursive: true, encoding: "utf8" })
    .map((name) => join(data, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

/** Every private key in an engine's store, read from a copy: a running engine holds its store alone. */
export function engineSecrets(fedchat: FedchatProcess): Uint8Array[] {
  using folder = temporaryFolder();
  for (const { path } of filesOf(fedchat).filter(({ path }) => isEngineStore(path))) {
    copyFileSync(path, join(folder.path, basename(path)));
  }
  using db = new DatabaseSync(join(folder.path, "engine.db"));
  const identity = db
    .prepare("SELECT accountSeed, signatureSeed, noisePrivateKey, recoverySeed FROM identity")
    .get();
  const requestKeys = db.prepare("SELECT seed FROM requestKeys").all();
  const keyPackages = db.prepare("SELECT privatePart FROM keyPackages LIMIT 3").all();
  return [identity, ...requestKeys, ...keyPackages]
    .flatMap((row) => Object.values(row ?? {}))
    .filter((value) => value instanceof Uint8Array);
}

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "fedchat-copy-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
