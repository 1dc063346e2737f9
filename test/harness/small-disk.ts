/** A disk of its own that a test can fill: a tmpfs, which only root may mount. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const mayMountDisks = process.platform === "linux" && process.getuid?.() === 0;

export class SmallDisk implements Disposable {
  /** An owner-only folder on it. */
  readonly folder: string;
  readonly #mount: string;
  readonly #filler: string;

  constructor(mebibytes: number) {
    this.#mount = mkdtempSync(join(tmpdir(), "fedchat-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=700`, "tmpfs", this.#mount]);
    this.#filler = join(this.#mount, "filler");
    this.folder = join(this.#mount, "data");
    mkdirSync(this.folder, { mode: 0o700 });
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#mount);
    return bavail * bsize;
  }

  /** Takes everything that is left; bounded, since others write meanwhile. */
  fill(): void {
    for (let round = 0; round < 100 && this.freeBytes > 0; round++) {
      try {
        writeFileSync(this.#filler, Buffer.alloc(this.freeBytes), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  [Symbol.dispose](): void {
    // Detached at once also where a process that was just killed still holds a file.
    execFileSync("umount", ["--lazy", this.#mount]);
    rmSync(this.#mount, { recursive: true, force: true });
  }
}
