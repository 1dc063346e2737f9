/** An engine in a process of its own, so that its CPU time can be read apart. */
import type { MethodName, Params, Result } from "@fedchat/engine/interface";
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HomeserverProcess } from "../relay/homeserver-process.ts";
import type { Awaited, FromEngine, KnownPerson, ToEngine } from "./engine-messages.ts";

export interface EngineProcess extends AsyncDisposable {
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Begins to wait at once. */
  until(wanted: Awaited): Promise<void>;
  know(people: readonly KnownPerson[]): Promise<void>;
  /** CPU seconds of all its threads so far. */
  cpuSeconds(): Promise<number>;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export async function startEngineProcess(at: HomeserverProcess, name: string): Promise<EngineProcess> {
  const folder = await mkdtemp(join(tmpdir(), `fedchat-bench-${name}-`));
  const token = Buffer.from(at.token).toString("hex");
  const child = fork(
    new URL("./engine.ts", import.meta.url).pathname,
    [join(folder, "engine.db"), "127.0.0.1", String(at.port), at.id, token],
    { stdio: ["ignore", "inherit", "inherit", "ipc"] },
  );
  const pending = new Map<number, Pending>();
  let lastId = 0;
  const ask = (task: Omit<ToEngine, "id">) => {
    const asked = new Promise<unknown>((resolve, reject) => {
      const id = ++lastId;
      pending.set(id, { resolve, reject });
      child.send({ id, ...task } satisfies ToEngine);
    });
    // What nobody waits for any more when another step failed must not hide that step's error.
    asked.catch(() => undefined);
    return asked;
  };
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => {
      const error = new Error(`An engine's process ended (${code}).`);
      reject(error);
      for (const one of pending.values()) one.reject(error);
    });
    child.on("message", (message: FromEngine) => {
      if (message.kind === "ready") return resolve();
      const one = pending.get(message.id);
      pending.delete(message.id);
      if (message.kind === "failed") one?.reject(new Error(message.message));
      else one?.resolve(message.result);
    });
  });
  return {
    call: async (method, params) => (await ask({ call: { method, params } })) as Result<typeof method>,
    until: (wanted) => ask({ until: wanted }) as Promise<void>,
    know: async (people) => void (await ask({ know: [...people] })),
    async cpuSeconds() {
      const { user, system } = (await ask({})) as NodeJS.CpuUsage;
      return (user + system) / 1e6;
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
