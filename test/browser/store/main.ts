/** The page whose workers open the engine's database: each asks what the test says, and dies when it says so. */
import type { Asked } from "./worker.ts";

export interface StorePage {
  /** Asks in the worker of this name, which is started with the first question. Rejects with what it throws. */
  ask(worker: string, asked: Asked): Promise<unknown>;
  /** As when its window is closed: without a farewell. */
  kill(worker: string): void;
  /** All files of the private file system as one text of characters 0 to 255. */
  files(): Promise<string>;
  /** Overwrites bytes in the middle of its largest file. */
  damage(): Promise<void>;
}

const workers = new Map<string, Worker>();

function workerNamed(name: string): Worker {
  const known = workers.get(name);
  if (known !== undefined) return known;
  const started = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  workers.set(name, started);
  return started;
}

async function* handles(folder?: FileSystemDirectoryHandle): AsyncGenerator<FileSystemFileHandle> {
  const at = folder ?? (await navigator.storage.getDirectory());
  const entries = at as unknown as { values(): AsyncIterable<FileSystemHandle> };
  for await (const entry of entries.values()) {
    if (entry.kind === "file") yield entry as FileSystemFileHandle;
    else yield* handles(entry as FileSystemDirectoryHandle);
  }
}

const page: StorePage = {
  ask(name, asked) {
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve, reject) => {
      port1.onmessage = ({ data }: MessageEvent<{ answer: unknown } | { error: string }>) =>
        "error" in data ? reject(new Error(data.error)) : resolve(data.answer);
      workerNamed(name).postMessage(asked, [port2]);
    });
  },
  kill(name) {
    workers.get(name)?.terminate();
    workers.delete(name);
  },
  async files() {
    let all = "";
    for await (const handle of handles()) {
      const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      for (let at = 0; at < bytes.length; at += 8_192)
        all += String.fromCharCode(...bytes.subarray(at, at + 8_192));
    }
    return all;
  },
  async damage() {
    let largest: { handle: FileSystemFileHandle; size: number } | undefined;
    for await (const handle of handles()) {
      const { size } = await handle.getFile();
      if (size > (largest?.size ?? 0)) largest = { handle, size };
    }
    const writable = await largest!.handle.createWritable({ keepExistingData: true });
    await writable.write({ type: "write", position: 4_096 + 5_000, data: new Uint8Array(4_000).fill(255) });
    await writable.close();
  },
};

Object.assign(globalThis, { storePage: page });
