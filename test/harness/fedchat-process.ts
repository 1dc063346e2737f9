/**
 * FedChat as people start it: the `fedchat` command in a process of its own, on loopback or on a host of a lab, with a
 * data folder that survives being killed. Nothing in here reaches into the program: it is driven through its control
 * socket.
 */
import type { EngineEvent, MethodName, Params, Result } from "@fedchat/engine/interface";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ControlClient } from "../../packages/cli/src/control/client.ts";
import { connectControl } from "../../packages/cli/src/control/client.ts";
import type { HostInfo, HostOpen } from "../../packages/cli/src/control/host-methods.ts";
import type { Place } from "./lab-host.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const startTimeoutMs = 60_000;

export interface StartOptions {
  name: string;
  command?: "start" | "server";
  args?: string[];
  /** A host of a lab: it listens on everything there, on the usual ports. */
  inside?: Place;
  /** Of the homeserver; absent: the usual one, or on loopback one that is free. */
  port?: number;
  /** The folder of one that was stopped: the same server, started elsewhere. Absent: a fresh one. */
  data?: string;
}

/** A process of ours that listens on a control socket. `spawnArgs` must be repeatable: a restart uses them again. */
export class FedchatProcess implements AsyncDisposable {
  readonly data: string;
  readonly #spawnArgs: string[];
  readonly #place: Place;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #control: ControlClient | undefined;
  info!: HostInfo;

  constructor(data: string, spawnArgs: string[], place: Place = here) {
    this.data = data;
    this.#spawnArgs = spawnArgs;
    this.#place = place;
  }

  /** Starts the process; resolves when it said that it is ready. */
  async start(): Promise<void> {
    const [program, ...words] = [...this.#place.prefix, process.execPath, ...this.#spawnArgs];
    const child = spawn(program!, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnvironment(),
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    const line = await firstLine(child).catch((error: unknown) => {
      throw new Error(`${this.#spawnArgs.join(" ")}: ${String(error)}\n${said}`);
    });
    this.info = JSON.parse(line) as HostInfo;
    this.#control = await connectControl(this.data);
  }

  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.#control === undefined) return Promise.reject(new Error("not running"));
    return this.#control.call(method, params);
  }

  /** A new one-time way into its screen. */
  open(): Promise<HostOpen> {
    if (this.#control === undefined) return Promise.reject(new Error("not running"));
    return this.#control.open();
  }

  /** From now on events of this run of the process arrive. */
  async onEvent(listener: (event: EngineEvent) => void): Promise<void> {
    this.#control!.onEvent(listener);
    await this.call("engine.subscribe", {});
  }

  /** As a power failure would: SIGKILL, no farewell. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#ended();
  }

  /** As Ctrl+C would. */
  async stop(): Promise<void> {
    this.#child?.kill("SIGINT");
    await this.#ended();
  }

  /** As a laptop that sleeps: its connections stay open and nothing answers. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async #ended(): Promise<void> {
    await this.#exited;
    this.#control?.[Symbol.dispose]();
    this.#control = undefined;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }
}

const here: Place = { prefix: [] };

/** `fedchat start` or `fedchat server`, on ports that are free now. */
export async function startFedchat(options: StartOptions): Promise<FedchatProcess> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), `fedchat-${options.name}-`)));
  const command = options.command ?? "start";
  const ports = options.inside === undefined ? await freePorts(2) : [8443, 8080];
  const listening = options.inside === undefined ? "127.0.0.1" : "0.0.0.0";
  const words = [
    main,
    command,
    "--json",
    ...[
      "--data",
      data,
      "--name",
      options.name,
      "--host",
      listening,
      "--port",
      String(options.port ?? ports[0]),
    ],
    ...(command === "start" ? ["--no-open", "--screen-port", String(ports[1])] : []),
    ...(options.args ?? []),
  ];
  const fedchat = new FedchatProcess(data, words, options.inside);
  await fedchat.start();
  return fedchat;
}

/** An engine alone, in a process of its own, on a homeserver that runs in another one. */
export async function startEngine(name: string, homeserver: FedchatProcess): Promise<FedchatProcess> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-engine-${name}-`));
  const engine = new FedchatProcess(data, [
    new URL("./engine-process.ts", import.meta.url).pathname,
    data,
    homeserver.data,
    homeserver.info.serverId,
    String(homeserver.info.port),
  ]);
  await engine.start();
  return engine;
}

/** `fedchat chat --server`: an engine and its screen for an account on that homeserver. */
export async function startClient(name: string, homeserver: FedchatProcess): Promise<FedchatProcess> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-client-${name}-`));
  const [screenPort] = await freePorts(1);
  const { port, serverId } = homeserver.info;
  const server = `127.0.0.1:${port}/${serverId}`;
  const words = ["chat", "--json", "--data", data, "--server", server, "--no-open"];
  const client = new FedchatProcess(data, [main, ...words, "--screen-port", String(screenPort)]);
  await client.start();
  return client;
}

/** Where `b` is dialled. */
export interface DialledAt {
  host: string;
  port: number;
}

/** Links two homeservers both ways by host, port and server id, through their owners' engines; resolves when connected. */
export async function linkBoth(
  a: FedchatProcess,
  b: FedchatProcess,
  at: DialledAt = { host: "127.0.0.1", port: b.info.port },
): Promise<void> {
  await a.call("servers.link", { ...at, serverId: b.info.serverId });
  await b.call("servers.linkBack", { serverId: a.info.serverId });
  await until("the servers are linked", async () => {
    const server = (await a.call("servers.list", {})).find((each) => each.serverId === b.info.serverId);
    return server?.trust === "mutual" && server.state === "connected";
  });
}

/** Opens both accounts, links both homeservers and makes the two people contacts; returns the room. */
export async function befriend(
  a: FedchatProcess,
  b: FedchatProcess,
  { at, names = ["Alice", "Bob"] }: { at?: DialledAt; names?: [string, string] } = {},
): Promise<string> {
  const alice = await a.call("account.create", { displayName: names[0] });
  const bob = await b.call("account.create", { displayName: names[1] });
  await linkBoth(a, b, at);
  await until("Bob is listed", async () =>
    (await a.call("people.list", {})).some((p) => p.account === bob.account),
  );
  await a.call("requests.send", { who: bob.account, text: "May I?" });
  const request = await until("the request arrives", async () => {
    const [first] = await b.call("requests.list", {});
    return first?.account === alice.account ? first : undefined;
  });
  const room = await b.call("requests.accept", { requestId: request.requestId });
  await until("the room opens", async () =>
    (await a.call("rooms.list", {})).some((r) => r.roomId === room.roomId),
  );
  return room.roomId;
}

/** Polls an outside process until `condition` gives something; bounded. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("did not start in time")), startTimeoutMs);
    const lines = createInterface(child.stdout!);
    lines.once("line", (line) => {
      clearTimeout(timer);
      resolve(line);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}`));
    });
  });
}

/** Settings of the machine must not reach the program under test, nor the program its real network by multicast. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("FEDCHAT_"));
  return { ...Object.fromEntries(own), FEDCHAT_NEARBY: "false" };
}
