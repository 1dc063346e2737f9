/**
 * A person without an engine, for networks of many homeservers: an account with a device that submits envelopes and
 * acknowledges what comes, over the real client interface, and administers the homeserver. It keeps its connection, sends
 * one envelope after the other, and tries each until it is accepted. It never crashes.
 */
import type { AccountId, EnvelopeId, InboxItem, Submission } from "@fedchat/protocol";
import { envelopeId, ProtocolError } from "@fedchat/protocol";
import type { ClientParams } from "@fedchat/protocol";
import { TestClient } from "../../packages/homeserver/test/client.ts";
import type { TestAccount } from "../../packages/homeserver/test/test-account.ts";
import { makeAccount } from "../../packages/homeserver/test/test-account.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { SimulatedHomeserver } from "./simulated-homeserver.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { Surroundings } from "./surroundings.ts";

interface Waiting {
  to: string;
  submission: Submission;
  accepted: () => void;
}

const reconnectMs = 500;
const againMs = 200;

export class LightPerson {
  readonly name: string;
  readonly home: SimulatedHomeserver;
  /** What its homeserver took, in that order. */
  readonly accepted: { to: string; id: EnvelopeId }[] = [];
  /** What arrived, in that order, each once: positions that came before come again after a cut. */
  readonly arrived: { id: EnvelopeId; from: AccountId }[] = [];
  process: SimulatedProcess | undefined;
  readonly #surroundings: Surroundings;
  readonly #random: SeededRandom;
  readonly #account: TestAccount;
  readonly #waiting: Waiting[] = [];
  #client: TestClient | undefined;
  #registered = false;
  #fencing = 0;
  #position = 0;
  #sending = false;

  constructor(surroundings: Surroundings, home: SimulatedHomeserver) {
    this.#surroundings = surroundings;
    this.home = home;
    this.name = home.name;
    this.#random = surroundings.random.fork(`light person of ${this.name}`);
    const { primitives, clock } = surroundings;
    const terms = { server: home.id, handle: this.name, nowMs: clock.now() };
    this.#account = makeAccount({ primitives, random: this.#random }, terms);
  }

  /** The name under which it dials. */
  get host(): string {
    return `${this.name}/device`;
  }

  get account(): AccountId {
    return this.#account.id;
  }

  /** Envelopes that were not accepted yet. */
  get unsent(): number {
    return this.#waiting.length;
  }

  /** Connects, and again whenever the connection is gone. */
  start(): void {
    const { clock, violations } = this.#surroundings;
    this.process = new SimulatedProcess({
      clock,
      threw: (error) => violations.add(`${this.name}'s light person threw`, error),
      crash: () => this.crash(),
    });
    void this.#stayConnected(this.process);
  }

  crash(): void {
    this.process?.end();
    this.#client = undefined;
  }

  /** Resolves once the homeserver has accepted it. */
  send(to: LightPerson, payload: Uint8Array): Promise<void> {
    const submission: Submission = {
      id: envelopeId.fromBytes(this.#random.bytes(16)),
      kind: "room",
      created: this.#surroundings.clock.now(),
      destinations: [{ server: to.home.id, accounts: [to.account] }],
      payload,
    };
    return new Promise((accepted) => {
      this.#waiting.push({ to: to.name, submission, accepted });
      void this.#sendAll();
    });
  }

  /** Resolves once the account is open. */
  async createAccount(): Promise<void> {
    while (this.#client === undefined) await this.#surroundings.clock.sleep(10);
  }

  async link({ id, address }: SimulatedHomeserver): Promise<void> {
    await this.#patiently("links.add", { server: id, addresses: [address] });
  }

  /** The link's trust, once that server is known here. */
  async linkBack({ id }: SimulatedHomeserver): Promise<string | undefined> {
    try {
      return (await this.#client?.request("links.linkBack", { server: id }))?.trust;
    } catch (error) {
      if (error instanceof ProtocolError && error.code !== "unknown-server") throw error;
      return undefined;
    }
  }

  async #patiently(method: "links.add", params: ClientParams<"links.add">): Promise<void> {
    for (;;) {
      try {
        if (this.#client !== undefined) return void (await this.#client.request(method, params));
      } catch (error) {
        if (error instanceof ProtocolError && error.retry === "never") throw error;
      }
      await this.#surroundings.clock.sleep(againMs);
    }
  }

  async #stayConnected(process: SimulatedProcess): Promise<void> {
    while (!process.ended) {
      try {
        const client = await this.#connect(process);
        this.#client = client;
        void this.#sendAll();
        await client.closed;
      } catch (error) {
        if (error instanceof ProtocolError && error.retry === "never") throw error;
      }
      this.#client = undefined;
      await process.sleep(reconnectMs);
    }
  }

  async #connect(process: SimulatedProcess): Promise<TestClient> {
    const { network, primitives } = this.#surroundings;
    const dialling = network.dialer(this.host).dial({ ...this.home.address, host: this.home.clientHost }, "");
    const client = await TestClient.connect({
      carrier: await process.dial(dialling, () => this.home.process),
      server: this.home.id,
      noiseKey: this.home.noiseKey,
      device: this.#account.devices[0]!,
      clock: process,
      random: this.#random,
      primitives,
    });
    client.onItem = (item) => this.#received(client, item);
    void (async () => {
      // Nobody looks at events; they would pile up.
      for await (const _ of client.events);
    })();
    const opened = this.#registered
      ? await client.open(this.#account.id, this.#fencing)
      : await client.register(this.#account.signed, this.home.token);
    this.#registered = true;
    this.#fencing = opened.fencing;
    await client.subscribe(opened);
    return client;
  }

  #received(client: TestClient, { position, id, from }: InboxItem): void {
    if (position > this.#position) this.arrived.push({ id, from });
    this.#position = Math.max(this.#position, position);
    client.acknowledge(position);
  }

  async #sendAll(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#client !== undefined && this.#waiting.length > 0) {
      const { to, submission, accepted } = this.#waiting[0]!;
      try {
        await this.#client.submit(submission);
        this.#waiting.shift();
        this.accepted.push({ to, id: submission.id });
        accepted();
      } catch (error) {
        if (error instanceof ProtocolError && error.retry === "never") {
          this.#surroundings.violations.add(`${this.name}'s envelope was refused`, error);
          return;
        }
        await this.#surroundings.clock.sleep(againMs);
      }
    }
    this.#sending = false;
  }
}
