/**
 * A port of the router for this homeserver, where the person has said yes: asked for, renewed, given back at the end.
 * Invariant: nothing that a router does or fails to do keeps the homeserver from starting, running or stopping; how it
 * stands is one state with its cause. What the router says of its outside address is believed only as an address to be
 * tried: who answers there proves its key as everywhere.
 */
import { networkInterfaces } from "node:os";
import { Worker } from "node:worker_threads";
import type { Clock, ServerAddress, Timer } from "@fedchat/protocol";
import type { Log } from "../core/log.ts";
import {
  addressesCheckEveryMs,
  portMappingDeadlineMs,
  portMappingRenewedEveryMs,
  portMappingRetryMs,
  portMappingThreadMegabytesMax,
  portReleaseDeadlineMs,
} from "./limits.ts";
import { localNetworks } from "./nearby-networks.ts";
import type { FromRouter, MappingFailure, ToRouter } from "./port-mapping-messages.ts";

export type PortMappingState =
  | { state: "asking" }
  | { state: "mapped"; way: "NAT-PMP" | "UPnP"; address: ServerAddress }
  | { state: "failed"; problem: string; fix: string };

/** A router, as a thread of ours talks with it. */
export interface Router extends AsyncDisposable {
  /** Rejects where the thread failed or took too long. */
  ask(question: ToRouter, withinMs: number): Promise<FromRouter>;
}

export interface PortMappingOptions {
  /** The homeserver's; the router is asked for the same one. */
  port: number;
  clock: Clock;
  log: Log;
  open?: () => Router;
  /** What tells one network of this machine from another; a change asks anew. */
  place?: () => string;
}

export class PortMapping implements AsyncDisposable {
  readonly #options: PortMappingOptions;
  readonly #place: () => string;
  #router: Router | undefined;
  #state: PortMappingState = { state: "asking" };
  #askedFrom = "";
  #dueAt = 0;
  #tick: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Called when the address outside came, changed or went. */
  onChange: (() => void) | undefined;

  constructor(options: PortMappingOptions) {
    this.#options = options;
    this.#place = options.place ?? networksNow;
  }

  /** Begins, in the background. */
  start(): void {
    this.#running = this.#lookAfter();
    this.#tick = this.#options.clock.after(addressesCheckEveryMs, () => {
      void this.#running.then(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  get state(): PortMappingState {
    return this.#state;
  }

  /** Where the router lets others in; none while it does not. */
  addresses(): ServerAddress[] {
    return this.#state.state === "mapped" ? [this.#state.address] : [];
  }

  /** Gives the port back, in little time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#tick?.cancel();
    const router = this.#router;
    if (router === undefined) return;
    const { port } = this.#options;
    if (this.#state.state === "mapped")
      await router.ask({ ask: "release", port }, portReleaseDeadlineMs).catch(() => undefined);
    await router[Symbol.asyncDispose]();
  }

  async #lookAfter(): Promise<void> {
    const { clock, port, open = openRouter } = this.#options;
    const place = this.#place();
    if (clock.now() < this.#dueAt && place === this.#askedFrom) return;
    this.#askedFrom = place;
    try {
      this.#router ??= open();
      this.#take(await this.#router.ask({ ask: "map", port }, portMappingDeadlineMs));
    } catch (error) {
      if (this.#stopped) return;
      this.#options.log.warn("asking the router for a port failed", { reason: String(error) });
      await this.#router?.[Symbol.asyncDispose]();
      this.#router = undefined;
      this.#set({ state: "failed", ...wordsFor({ why: "no-router" }, port) });
    }
    const waitMs = this.#state.state === "mapped" ? portMappingRenewedEveryMs : portMappingRetryMs;
    this.#dueAt = clock.now() + waitMs;
  }

  #take(answer: FromRouter): void {
    if (answer.told === "mapped") {
      const { way, host, port } = answer;
      this.#set({ state: "mapped", way, address: { host, port, kind: "direct" } });
    } else if (answer.told === "failed")
      this.#set({ state: "failed", ...wordsFor(answer.failure, this.#options.port) });
  }

  #set(state: PortMappingState): void {
    if (this.#stopped || JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    const { log } = this.#options;
    if (state.state === "mapped") log.info("the router opened a port", { way: state.way, ...state.address });
    if (state.state === "failed") log.info("the router opened no port", { problem: state.problem });
    this.onChange?.();
  }
}

/** For people: what is wrong, and what to do. */
export function wordsFor(failure: MappingFailure, port: number): { problem: string; fix: string } {
  const byHand = `forward TCP port ${port} to this machine in the router's settings`;
  switch (failure.why) {
    case "no-router":
      return {
        problem: "No router answered when it was asked for a port by NAT-PMP and UPnP (version 2).",
        fix: `Switch UPnP or NAT-PMP on in the router, or ${byHand}.`,
      };
    case "refused":
      return {
        problem: `The router refused to open a port (${failure.code}).`,
        fix: `Allow it in the router's settings for UPnP, or ${byHand}.`,
      };
    case "not-public":
      return {
        problem:
          "The router has no public address of its own: another router, or the provider's, stands before it.",
        fix: "Ask the provider for a public address, or let a server that can be reached relay for this one.",
      };
    case "no-network":
      return {
        problem: "This machine is in no private network, so there is no router to ask for a port.",
        fix: "Set port_mapping = false if this machine has a public address.",
      };
  }
}

const networksNow = (): string =>
  localNetworks(networkInterfaces())
    .map(({ own }) => own.join())
    .join(";");

const threadFile = new URL("./port-mapping-thread.ts", import.meta.url);

/** One question at a time. */
export function openRouter(): Router {
  const thread = new Worker(threadFile, {
    name: "router",
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: portMappingThreadMegabytesMax },
  });
  thread.unref();
  let failed: (error: Error) => void = () => undefined;
  let answered: (answer: FromRouter) => void = () => undefined;
  thread.on("message", (answer: FromRouter) => answered(answer));
  thread.on("error", (error) => failed(error as Error));
  thread.on("exit", () => failed(new Error("the thread ended")));
  return {
    ask(question, withinMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer in ${withinMs} ms`)), withinMs);
        answered = (answer) => {
          // Of a question that was given up.
          if ((question.ask === "release") !== (answer.told === "released")) return;
          clearTimeout(timer);
          resolve(answer);
        };
        failed = (error) => {
          clearTimeout(timer);
          reject(error);
        };
        thread.postMessage(question);
      });
    },
    async [Symbol.asyncDispose]() {
      await thread.terminate();
    },
  };
}
