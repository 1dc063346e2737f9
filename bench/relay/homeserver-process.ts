/** A homeserver in a process of its own, so that its CPU time can be read apart from the generator's. */
import type { ServerId } from "@fedchat/protocol";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface HomeserverProcess extends AsyncDisposable {
  id: ServerId;
  port: number;
  token: Uint8Array;
  /** CPU seconds of all its threads so far. */
  cpuSeconds(): Promise<number>;
}

const ticksPerSecond = 100;

export async function startHomeserverProcess(name: string): Promise<HomeserverProcess> {
  const folder = await mkdtemp(join(tmpdir(), `fedchat-bench-${name}-`));
  const child = spawn(
    process.execPath,
    [new URL("./homeserver.ts", import.meta.url).pathname, folder, name],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error("the homeserver did not start");
  const said = JSON.parse(first.value) as { id: ServerId; port: number; token: string };
  return {
    id: said.id,
    port: said.port,
    token: Uint8Array.from(Buffer.from(said.token, "hex")),
    async cpuSeconds() {
      const stat = await readFile(`/proc/${child.pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
