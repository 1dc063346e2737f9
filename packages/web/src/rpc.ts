/**
 * The engine's JSON-RPC 2.0 connection: one WebSocket, opened by the session secret, that subscribes to events and
 * comes back by itself. Invariant: `open` is announced only after the engine has answered the greeting and the
 * subscription, so whoever refetches on `open` misses no event. Trusts the engine's answers to fit the interface.
 */
import type { Cause, EngineEvent, MethodName, Params, Result } from "@fedchat/engine/interface";
import {
  callsOpenMax,
  callTimeoutMs,
  greetingTimeoutMs,
  reconnectFirstMs,
  reconnectMaxMs,
} from "./limits.ts";

export type Connection =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "waiting"; nextTryAt: number }
  | { state: "refused" };

/** The part of a WebSocket that is used here. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

/** What the connection needs of the world. `after` returns what cancels the timer. */
export interface RpcPorts {
  connect(): Socket;
  now(): number;
  random(): number;
  after(ms: number, run: () => void): () => void;
  /** Asked when a socket did not even open: whether the machine answers and says that this screen is not signed in. */
  signedOut(): Promise<boolean>;
}

export interface RpcListener {
  connection(connection: Connection): void;
  event(event: EngineEvent): void;
}

export interface Rpc {
  /** Calls a method; fails with `CallFailed`. Without a connection it fails at once, with code `disconnected`. */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** Skips what is left of the wait before the next try. */
  retryNow(): void;
  close(): void;
}

/** A call that the engine answered with an error, or that has no known outcome. */
export class CallFailed extends Error {
  readonly code: number;
  override readonly cause: Cause;
  constructor(code: number, cause: Cause) {
    super(cause.sentence);
    this.name = "CallFailed";
    this.code = code;
    this.cause = cause;
  }
}

const sessionUnknown = -32001;

const disconnected: Cause = {
  code: "disconnected",
  sentence: "This screen has no connection to FedChat right now.",
  fix: null,
  retry: "later",
};
const noAnswer: Cause = {
  code: "timeout",
  sentence: "FedChat did not answer in time.",
  fix: "Try again.",
  retry: "now",
};
const tooMany: Cause = {
  code: "too-many-calls",
  sentence: "Too many things are under way at once.",
  fix: "Wait a moment and try again.",
  retry: "later",
};

interface Pending {
  resolve(result: unknown): void;
  reject(error: CallFailed): void;
  cancelTimer(): void;
}

export function openRpc(secret: string, ports: RpcPorts, listener: RpcListener): Rpc {
  let socket: Socket | null = null;
  let connection: Connection = { state: "connecting" };
  let opened = false;
  let failures = 0;
  let lastId = 0;
  let cancelWait = () => {};
  let cancelOpening = () => {};
  let closed = false;
  const pending = new Map<number, Pending>();

  function become(next: Connection) {
    connection = next;
    listener.connection(next);
  }

  function request(on: Socket, method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const cancelTimer = ports.after(timeoutMs, () => {
        pending.delete(id);
        reject(new CallFailed(-32000, noAnswer));
      });
      pending.set(id, { resolve, reject, cancelTimer });
      on.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  async function greet(on: Socket) {
    try {
      await request(on, "session.open", { secret }, greetingTimeoutMs);
      await request(on, "engine.subscribe", {}, greetingTimeoutMs);
    } catch (error) {
      if (on !== socket) return;
      if (error instanceof CallFailed && error.code === sessionUnknown) {
        closed = true;
        drop();
        become({ state: "refused" });
      } else lost(on);
      return;
    }
    if (on !== socket) return;
    cancelOpening();
    failures = 0;
    become({ state: "open" });
  }

  function receive(data: unknown) {
    if (typeof data !== "string") return;
    const frame = JSON.parse(data) as {
      id?: number;
      method?: string;
      params?: EngineEvent;
      result?: unknown;
      error?: { code: number; message: string; data?: Cause };
    };
    if (frame.method === "event" && frame.params) {
      listener.event(frame.params);
      return;
    }
    const waiting = frame.id === undefined ? undefined : pending.get(frame.id);
    if (!waiting || frame.id === undefined) return;
    pending.delete(frame.id);
    waiting.cancelTimer();
    if (!frame.error) waiting.resolve(frame.result);
    else waiting.reject(new CallFailed(frame.error.code, frame.error.data ?? causeOf(frame.error)));
  }

  function connect() {
    become({ state: "connecting" });
    const fresh = ports.connect();
    socket = fresh;
    opened = false;
    fresh.onopen = () => {
      opened = true;
      void greet(fresh);
    };
    fresh.onmessage = (event) => {
      if (fresh === socket) receive(event.data);
    };
    fresh.onclose = () => lost(fresh);
    cancelOpening = ports.after(greetingTimeoutMs, () => lost(fresh));
  }

  /** Ends the present socket: every call without an answer has an unknown outcome. */
  function drop() {
    const gone = socket;
    socket = null;
    cancelOpening();
    if (gone) {
      gone.onopen = gone.onmessage = gone.onclose = null;
      gone.close();
    }
    for (const call of pending.values()) {
      call.cancelTimer();
      call.reject(new CallFailed(-32000, disconnected));
    }
    pending.clear();
  }

  function lost(which: Socket) {
    if (which !== socket || closed) return;
    drop();
    const waitMs = backOffMs(failures++, ports.random());
    become({ state: "waiting", nextTryAt: ports.now() + waitMs });
    cancelWait = ports.after(waitMs, connect);
    if (!opened) void askWhetherSignedOut();
  }

  /** A browser hides why a socket was refused; a session that ended must not look like an engine that is gone. */
  async function askWhetherSignedOut() {
    if (!(await ports.signedOut()) || closed || connection.state === "open") return;
    closed = true;
    cancelWait();
    drop();
    become({ state: "refused" });
  }

  connect();
  return {
    async call(method, params) {
      if (connection.state !== "open" || !socket) throw new CallFailed(-32000, disconnected);
      if (pending.size >= callsOpenMax) throw new CallFailed(-32000, tooMany);
      return (await request(socket, method, params, callTimeoutMs)) as Result<typeof method>;
    },
    retryNow() {
      if (connection.state !== "waiting") return;
      cancelWait();
      connect();
    },
    close() {
      closed = true;
      cancelWait();
      drop();
    },
  };
}

/** Full-jitter exponential back-off with a floor, so that a restart of the engine is noticed quickly. */
export function backOffMs(failures: number, random: number): number {
  const ceiling = Math.min(reconnectMaxMs, reconnectFirstMs * 2 ** Math.min(failures, 16));
  return Math.round(reconnectFirstMs + random * (ceiling - reconnectFirstMs));
}

function causeOf(error: { code: number; message: string }): Cause {
  return { code: String(error.code), sentence: error.message, fix: null, retry: "never" };
}

/** What any window has: time, chance, and nobody who could have signed it out. */
export const windowPorts: Omit<RpcPorts, "connect"> = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  signedOut: () => Promise.resolve(false),
};

/** The ports of a screen whose engine is elsewhere: `/rpc` on the page's origin. */
export function browserPorts(place: Location): RpcPorts {
  const url = `${place.protocol === "https:" ? "wss" : "ws"}://${place.host}/rpc`;
  return {
    ...windowPorts,
    connect: () => new WebSocket(url) as unknown as Socket,
    // `/session` sends on whoever has a session, and shows a page to whoever has none.
    async signedOut() {
      const answer = await fetch("/session", { redirect: "manual", cache: "no-store" }).catch(() => null);
      return answer !== null && answer.type !== "opaqueredirect" && answer.ok;
    },
  };
}
