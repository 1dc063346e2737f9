/**
 * A window's way to the one engine of its origin. Each window asks for the lock; whoever gets it starts the worker, and
 * keeps the lock as long as both live, so that there are never two. The others, and this one too, talk to that worker by
 * channels. When its window is closed the next in line takes over, and every screen connects anew. [J6]
 */
import type { Calling, EngineStart, FromScreen, FromWorker, ToScreen } from "./rendezvous.ts";
import { callsChannel, engineLock, screenChannel } from "./rendezvous.ts";

/** As a screen's connection sees it: a WebSocket's part that is used. */
export interface ScreenSocket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

export interface BrowserEngine {
  connect(): ScreenSocket;
}

export interface BrowserEngineOptions {
  startWorker(): Worker;
  /** What this window would start it with; asked once it is the one that does. Never rejects. */
  start(): Promise<EngineStart>;
  /** There is no engine, for a reason that does not pass by itself. */
  onFailed(sentence: string): void;
  /**
   * The browser deleted what the engine kept. This window is to be loaded anew: locks that it asks for would be others than
   * those of a worker that is started from now on.
   */
  onDeleted(): void;
}

/** A worker that died is started again after this, here or in another window. */
const restartAfterMs = 3_000;
/** So many that did not even come to serve: then it is said, and tried on. */
const failuresTold = 3;
const notStarted = "FedChat's engine could not be started in this browser. Load this page anew.";

export function openBrowserEngine(options: BrowserEngineOptions): BrowserEngine {
  void elect(options);
  new BroadcastChannel(callsChannel).onmessage = ({ data }: MessageEvent<Calling>) => {
    if (data.kind === "deleted") options.onDeleted();
  };
  return { connect: () => new ChannelSocket(options.onFailed) };
}

async function elect(options: BrowserEngineOptions): Promise<never> {
  for (let failures = 0; ;) {
    const served = await navigator.locks.request(engineLock, () => runWorker(options));
    failures = served ? 0 : failures + 1;
    if (failures === failuresTold) options.onFailed(notStarted);
    await new Promise((resolve) => setTimeout(resolve, restartAfterMs));
  }
}

/** Resolves when the worker died, with whether it had served anybody. */
async function runWorker({ startWorker, start }: BrowserEngineOptions): Promise<boolean> {
  const worker = startWorker();
  let served = false;
  await new Promise<void>((resolve) => {
    worker.addEventListener("error", () => resolve());
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
      if (data === "serving") served = true;
      else void start().then((begin) => worker.postMessage(begin));
    });
  });
  worker.terminate();
  return served;
}

class ChannelSocket implements ScreenSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly #id = crypto.randomUUID();
  readonly #calls = new BroadcastChannel(callsChannel);
  readonly #port = new BroadcastChannel(screenChannel(this.#id));
  readonly #onFailed: (sentence: string) => void;
  /** Ends our hold on the lock that says that this screen lives. */
  #letGo = (): void => undefined;
  #state: "calling" | "open" | "closed" = "calling";

  constructor(onFailed: (sentence: string) => void) {
    this.#onFailed = onFailed;
    this.#port.onmessage = ({ data }: MessageEvent<ToScreen>) => this.#receive(data);
    this.#calls.onmessage = ({ data }: MessageEvent<Calling>) => {
      if (data.kind !== "serving") return;
      // Another engine than the one that we talk to: everything begins anew.
      if (this.#state === "open") this.#end();
      else this.#call();
    };
    const released = new Promise<void>((resolve) => (this.#letGo = resolve));
    void navigator.locks.request(screenChannel(this.#id), () => {
      this.#call();
      return released;
    });
  }

  send(text: string): void {
    this.#say({ kind: "text", text });
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#say({ kind: "close" });
    this.#state = "closed";
    this.#calls.close();
    this.#port.close();
    this.#letGo();
  }

  #call(): void {
    if (this.#state === "calling") this.#calls.postMessage({ kind: "hello", id: this.#id } satisfies Calling);
  }

  #say(message: FromScreen): void {
    if (this.#state !== "closed") this.#port.postMessage(message);
  }

  #receive(message: ToScreen): void {
    switch (message.kind) {
      case "open":
        this.#state = "open";
        return this.onopen?.();
      case "text":
        return this.onmessage?.({ data: message.text });
      case "failed":
        return this.#onFailed(message.sentence);
    }
  }

  #end(): void {
    this.close();
    this.onclose?.();
  }
}
