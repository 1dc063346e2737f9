/** What an engine in a browser keeps, read by a page of its origin while no engine holds it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BrowserContext } from "playwright-core";

export interface BrowserStore {
  /** Whether these bytes stand in any of its files. */
  includes(text: string): boolean;
  /** Its private keys. */
  keys: Uint8Array[];
}

/** The pool's files have a header of this length, which begins with the name. */
const headerBytes = 4_096;

/** @param origin on which no window with an engine is open */
export async function storeOfBrowser(context: BrowserContext, origin: string): Promise<BrowserStore> {
  const page = await context.newPage();
  await page.goto(`${origin}/.well-known/fedchat`);
  const files = (await page.evaluate(readFiles)).map((text) => Buffer.from(text, "base64"));
  await page.close();
  const contents = new Map(files.map((file) => [nameIn(file), file.subarray(headerBytes)]));
  return {
    includes: (text) => [...contents.values()].some((bytes) => bytes.includes(text)),
    keys: keysIn(contents),
  };
}

/** In the page. */
async function readFiles(): Promise<string[]> {
  const root = await navigator.storage.getDirectory();
  const pool = await (await root.getDirectoryHandle("fedchat-engine")).getDirectoryHandle(".opaque");
  const read: string[] = [];
  const handles = pool as unknown as { values(): AsyncIterable<FileSystemFileHandle> };
  for await (const handle of handles.values()) {
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    let binary = "";
    for (let at = 0; at < bytes.length; at += 8_192)
      binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
    read.push(btoa(binary));
  }
  return read;
}

const nameIn = (file: Buffer): string => file.subarray(0, file.indexOf(0)).toString("utf8");

function keysIn(contents: ReadonlyMap<string, Buffer>): Uint8Array[] {
  const folder = mkdtempSync(join(tmpdir(), "fedchat-browser-store-"));
  try {
    for (const [name, bytes] of contents) if (name !== "") writeFileSync(join(folder, name), bytes);
    using db = new DatabaseSync(join(folder, "engine.db"));
    const identity = db.prepare("SELECT accountSeed, signatureSeed, noisePrivateKey FROM identity").get();
    const requestKeys = db.prepare("SELECT seed FROM requestKeys").all();
    return [identity, ...requestKeys]
      .flatMap((row) => Object.values(row ?? {}))
      .filter((value) => value instanceof Uint8Array);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
