/** A command's connection to the program that runs for a data folder. */
import type { Cause, EngineEvent, MethodName, Params, Result } from "@fedchat/engine/interface";
import { Examination } from "@fedchat/engine/interface";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import type { ExitCode } from "../exit-codes.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { callTimeoutMs, controlConnectTimeoutMs } from "../limits.ts";
import type { HostInfo, HostOpen } from "./host-methods.ts";
import { hostInfo, hostOpen } from "./host-methods.ts";
import { readLines } from "./lines.ts";
import { controlPlace } from "./place.ts";
import { commandName } from "../terminal/command-name.ts";

/** The engine's answer was an error. */
export class CallFailed extends CommandError {
  readonly callCode: number;
  readonly callCause: Cause | undefined;

  constructor(callCode: number, sentence: string, callCause: Cause | undefined) {
    super(exitCodeOf(callCode, callCause), sentence, callCause?.fix);
    this.callCode = callCode;
    this.callCause = callCause;
  }
}

function exitCodeOf(code: number, cause: Cause | undefined): ExitCode {
  if (code === invalidParams) return exitCodes.usage;
  if (cause?.code === "timeout") return exitCodes.timedOut;
  return cause?.retry === "never" ? exitCodes.refused : exitCodes.failed;
}

const invalidParams = -32602;
/** Our own program's answers; messages of a page are the largest. */
const answerCharactersMax = 67_108_864;

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * Rejects with `CommandError` (not running) when nothing answers there.
 * @param start the command that starts it
 */
export async function connectControl(data: string, start = `${commandName} start`): Promise<ControlClient> {
  const socket = connectSocket(controlPlace(data));
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy();
      const sentence = `FedChat is not running for ${data}.`;
      reject(new CommandError(exitCodes.notRunning, sentence, `Start it: ${start}`, { cause: error }));
    };
    socket.setTimeout(controlConnectTimeoutMs, () => fail(new Error("no answer in time")));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      resolve();
    });
  });
  return new ControlClient(socket, start);
}

export class ControlClient implements Disposable {
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #start: string;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #lastId = 0;

  constructor(socket: Socket, start: string) {
    this.#socket = socket;
    this.#start = start;
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) =>
      socket.once("close", () => {
        const gone = new CommandError(exitCodes.notRunning, "FedChat stopped.", `Start it: ${start}`);
        for (const { reject, timer } of this.#pending.values()) {
          clearTimeout(timer);
          reject(gone);
        }
        this.#pending.clear();
        resolve();
      }),
    );
    readLines(
      socket,
      answerCharactersMax,
      (line) => this.#receive(line),
      () => socket.destroy(),
    );
  }

  /** Rejects with `CallFailed`, or `CommandError` where there was no answer. */
  async call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    return (await this.request(method, params)) as Result<M>;
  }

  async info(): Promise<HostInfo> {
    return hostInfo.parse(await this.request("host.info", {}));
  }

  /** What the doctor found so far; begins where nothing was looked at yet, or `again`. */
  async examine(again: boolean): Promise<Examination> {
    return Examination.parse(await this.request("host.examine", { again }));
  }

  /** Rejects with `CallFailed` where there is no screen. */
  async open(): Promise<HostOpen> {
    return hostOpen.parse(await this.request("host.open", {}));
  }

  /** After `engine.subscribe`. */
  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new CommandError(exitCodes.notRunning, "FedChat stopped.", `Start it: ${this.#start}`));
        return;
      }
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new CommandError(exitCodes.timedOut, `There was no answer to ${method} in time.`));
      }, callTimeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  }

  #receive(line: string): void {
    const frame = JSON.parse(line) as {
      id?: number | null;
      method?: string;
      params?: EngineEvent;
      result?: unknown;
      error?: { code: number; message: string; data?: Cause };
    };
    if (frame.method === "event" && frame.params !== undefined) {
      for (const listener of this.#listeners) listener(frame.params);
      return;
    }
    const pending = this.#pending.get(frame.id ?? -1);
    if (pending === undefined) return;
    this.#pending.delete(frame.id ?? -1);
    clearTimeout(pending.timer);
    const { error } = frame;
    if (error === undefined) pending.resolve(frame.result);
    else pending.reject(new CallFailed(error.code, error.message, error.data));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
