import { describe, expect, test } from "vitest";
import { backOffMs, CallFailed, openRpc, type Connection, type RpcPorts, type Socket } from "../src/rpc.ts";
import { callTimeoutMs, greetingTimeoutMs, reconnectFirstMs, reconnectMaxMs } from "../src/limits.ts";

/** Sockets in memory and a clock that is moved by hand. */
function world(signedOut = false) {
  let now = 0;
  const timers = new Map<number, { at: number; run: () => void }>();
  let lastTimer = 0;
  const sockets: MemorySocket[] = [];
  const heard: Connection[] = [];
  const events: unknown[] = [];
  class MemorySocket implements Socket {
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: unknown }) => void) | null = null;
    onclose: (() => void) | null = null;
    sent: { id: number; method: string; params: unknown }[] = [];
    closed = false;
    send(text: string) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.closed = true;
    }
    answer(method: string, body: object) {
      const call = this.sent.findLast((one) => one.method === method);
      this.onmessage?.({ data: JSON.stringify({ jsonrpc: "2.0", id: call?.id, ...body }) });
    }
    async greet() {
      this.onopen?.();
      this.answer("session.open", { result: {} });
      await settled();
      this.answer("engine.subscribe", { result: { position: 0 } });
      await settled();
    }
  }
  const ports: RpcPorts = {
    connect() {
      const socket = new MemorySocket();
      sockets.push(socket);
      return socket;
    },
    now: () => now,
    random: () => 1,
    signedOut: () => Promise.resolve(signedOut),
    after(ms, run) {
      const id = ++lastTimer;
      timers.set(id, { at: now + ms, run });
      return () => void timers.delete(id);
    },
  };
  async function advance(ms: number) {
    now += ms;
    for (const [id, timer] of [...timers]) {
      if (timer.at > now) continue;
      timers.delete(id);
      timer.run();
    }
    await settled();
  }
  const rpc = openRpc("secret", ports, {
    connection: (next) => heard.push(next),
    event: (event) => events.push(event),
  });
  const last = () => sockets.at(-1)!;
  return { rpc, sockets, last, heard, events, advance, timers };
}

const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CallFailed);
  return error as CallFailed;
};

describe("opening", () => {
  test("greets with the secret, subscribes, and only then is open", async () => {
    const { last, heard } = world();
    last().onopen?.();
    expect(last().sent.map((call) => call.method)).toEqual(["session.open"]);
    expect(last().sent[0]?.params).toEqual({ secret: "secret" });
    last().answer("session.open", { result: {} });
    await settled();
    expect(last().sent.map((call) => call.method)).toEqual(["session.open", "engine.subscribe"]);
    expect(heard.at(-1)).toEqual({ state: "connecting" });
    last().answer("engine.subscribe", { result: { position: 3 } });
    await settled();
    expect(heard.at(-1)).toEqual({ state: "open" });
  });

  test("a session that is not known is refused for good", async () => {
    const { last, heard, sockets, advance } = world();
    last().onopen?.();
    last().answer("session.open", { error: { code: -32001, message: "unknown session" } });
    await settled();
    expect(heard.at(-1)).toEqual({ state: "refused" });
    await advance(reconnectMaxMs * 10);
    expect(sockets).toHaveLength(1);
  });

  test("an engine that accepts and says nothing is left, and tried again", async () => {
    const { last, sockets, advance, heard } = world();
    last().onopen?.();
    await advance(10_000);
    expect(heard.at(-1)?.state).toBe("waiting");
    await advance(reconnectMaxMs);
    expect(sockets).toHaveLength(2);
  });
});

test("a socket refused because the session ended is told apart from an engine that is gone", async () => {
  const ended = world(true);
  ended.last().onclose?.();
  await settled();
  expect(ended.heard.at(-1)).toEqual({ state: "refused" });
  const gone = world(false);
  gone.last().onclose?.();
  await settled();
  expect(gone.heard.at(-1)?.state).toBe("waiting");
});

test("a socket that never opens is left, and tried again", async () => {
  const { sockets, advance, heard } = world();
  await advance(greetingTimeoutMs);
  expect(heard.at(-1)?.state).toBe("waiting");
  await advance(reconnectMaxMs);
  expect(sockets).toHaveLength(2);
});

describe("calls", () => {
  test("are answered by id, in whatever order", async () => {
    const { rpc, last } = world();
    await last().greet();
    const first = rpc.call("rooms.list", {});
    const second = rpc.call("engine.notices", {});
    await settled();
    last().answer("engine.notices", { result: [] });
    last().answer("rooms.list", { result: ["room"] });
    expect(await first).toEqual(["room"]);
    expect(await second).toEqual([]);
  });

  test("fail with the engine's cause", async () => {
    const { rpc, last } = world();
    await last().greet();
    const call = rpc.call("rooms.list", {});
    await settled();
    const cause = { code: "busy", sentence: "Not now.", fix: "Later.", retry: "later" };
    last().answer("rooms.list", { error: { code: -32010, message: "busy", data: cause } });
    expect((await failure(call)).cause).toEqual(cause);
  });

  test("fail at once without a connection", async () => {
    const { rpc } = world();
    expect((await failure(rpc.call("rooms.list", {}))).cause.code).toBe("disconnected");
  });

  test("that are under way when the connection ends have no known outcome", async () => {
    const { rpc, last, timers } = world();
    await last().greet();
    const call = rpc.call("rooms.list", {});
    await settled();
    last().onclose?.();
    expect((await failure(call)).cause.code).toBe("disconnected");
    expect(timers.size).toBe(1);
  });

  test("that are never answered end", async () => {
    const { rpc, last, advance } = world();
    await last().greet();
    const call = rpc.call("rooms.list", {});
    await settled();
    const failed = failure(call);
    await advance(callTimeoutMs);
    expect((await failed).cause.code).toBe("timeout");
  });
});

describe("coming back", () => {
  test("waits longer each time, says until when, and begins anew after a success", async () => {
    const { last, heard, advance, sockets } = world();
    await last().greet();
    const waits: number[] = [];
    let at = 0;
    for (let i = 0; i < 4; i++) {
      last().onclose?.();
      const now = heard.at(-1);
      if (now?.state !== "waiting") throw new Error("it does not wait");
      waits.push(now.nextTryAt - at);
      at = now.nextTryAt;
      await advance(waits.at(-1)!);
    }
    expect(waits).toEqual([
      reconnectFirstMs,
      2 * reconnectFirstMs,
      4 * reconnectFirstMs,
      8 * reconnectFirstMs,
    ]);
    expect(sockets).toHaveLength(5);
    await last().greet();
    last().onclose?.();
    expect(heard.at(-1)).toEqual({ state: "waiting", nextTryAt: at + reconnectFirstMs });
  });

  test("subscribes again and hears events again", async () => {
    const { last, advance, events } = world();
    await last().greet();
    last().onclose?.();
    await advance(reconnectFirstMs);
    await last().greet();
    const event = { type: "server.removed", serverId: "x" };
    last().onmessage?.({ data: JSON.stringify({ method: "event", params: event }) });
    expect(events).toEqual([event]);
  });

  test("what an old socket still says is not heard", async () => {
    const { sockets, last, advance, events, heard } = world();
    await last().greet();
    const old = sockets[0]!;
    const say = old.onmessage;
    old.onclose?.();
    await advance(reconnectFirstMs);
    await last().greet();
    say?.({ data: JSON.stringify({ method: "event", params: { type: "server.removed", serverId: "x" } }) });
    expect(events).toEqual([]);
    expect(heard.at(-1)).toEqual({ state: "open" });
  });

  test("at once when asked to, and once only", async () => {
    const { rpc, last, sockets, advance } = world();
    await last().greet();
    last().onclose?.();
    rpc.retryNow();
    rpc.retryNow();
    expect(sockets).toHaveLength(2);
    await advance(reconnectFirstMs);
    expect(sockets).toHaveLength(2);
  });

  test("not after it was closed", async () => {
    const { rpc, last, sockets, advance } = world();
    await last().greet();
    rpc.close();
    await advance(reconnectMaxMs * 2);
    expect(sockets).toHaveLength(1);
    expect(last().closed).toBe(true);
  });
});

test("the wait keeps its bounds for any number of failures and any luck", () => {
  for (const failures of [0, 1, 5, 40, 10_000])
    for (const luck of [0, 0.5, 0.999]) {
      expect(backOffMs(failures, luck)).toBeGreaterThanOrEqual(reconnectFirstMs);
      expect(backOffMs(failures, luck)).toBeLessThanOrEqual(reconnectMaxMs);
    }
});
