/** A directory as people run it: `fedchat directory` in a process of its own, which can be killed and started again. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePorts } from "./fedchat-process.ts";
import type { LabHost } from "./lab-host.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;

export class DirectoryProcess implements AsyncDisposable {
  readonly data: string;
  readonly port: number;
  readonly #inside: LabHost | undefined;
  #child: ChildProcess | undefined;

  constructor(data: string, port: number, inside?: LabHost) {
    this.data = data;
    this.port = port;
    this.#inside = inside;
  }

  /** Resolves when it said that it is ready. */
  async start(): Promise<void> {
    const listening = this.#inside === undefined ? "127.0.0.1" : "0.0.0.0";
    const words = ["directory", "--json", "--data", this.data, "--host", listening];
    const command = [process.execPath, main, ...words, "--port", String(this.port)];
    const [program, ...rest] = [...(this.#inside?.prefix ?? []), ...command];
    const child = spawn(program!, rest, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stdout).once("line", () => resolve());
      child.once("exit", (code) => reject(new Error(`the directory ended with ${code}`)));
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** A directory that does not run yet. @param inside a host of a lab; absent: on loopback */
export async function makeDirectory(inside?: LabHost): Promise<DirectoryProcess> {
  const port = inside === undefined ? (await freePorts(1))[0]! : 8443;
  return new DirectoryProcess(await mkdtemp(join(tmpdir(), "fedchat-directory-")), port, inside);
}
