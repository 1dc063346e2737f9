/**
 * One homeserver's connection to a directory: nothing is told before it registered; then records as it asks for them,
 * and answers to its questions. What it says of its own people is kept while it is connected, and a while longer by the
 * directory. [D2] [D3] [D6]
 */
import type { LinkControl, ProvedServer, SecureChannel, ServerId } from "@fedchat/protocol";
import { ProtocolError, toWireError } from "@fedchat/protocol";
import { Connection } from "../federation/connection.ts";
import type { Peer } from "../federation/peer.ts";

type Control<Kind extends LinkControl["kind"]> = Extract<LinkControl, { kind: Kind }>;

export interface RegistrationPorts {
  clock: ConstructorParameters<typeof Connection>[3];
  /** Throws `not-allowed` where the token is not the directory's. */
  admit: (token: Uint8Array | undefined) => void;
  registered: (registration: Registration) => void;
  asksRecords: (registration: Registration, question: Control<"askRecords">) => void;
  /** A newer record of its own. Throws `malformed`. */
  record: (registration: Registration, signed: Uint8Array) => void;
  people: (registration: Registration, page: Control<"people">) => void;
  answer: (registration: Registration, query: Control<"query">["query"]) => Promise<Uint8Array>;
  closed: (registration: Registration) => void;
}

export class Registration implements Peer {
  readonly server: ServerId;
  /** As between mutually linked servers: each is told what the others' records say. */
  readonly trust = "mutual";
  readonly standing = "mutual";
  readonly origin = "directory";
  readonly proved: ProvedServer;
  readonly #ports: RegistrationPorts;
  readonly connection: Connection;
  #registered = false;

  /** Takes over an open channel; the ports hear of the rest. */
  static begin(channel: SecureChannel & { server: ProvedServer }, ports: RegistrationPorts): Registration {
    return new Registration(channel, ports);
  }

  private constructor(channel: SecureChannel & { server: ProvedServer }, ports: RegistrationPorts) {
    this.proved = channel.server;
    this.server = channel.server.record.key;
    this.#ports = ports;
    this.connection = new Connection(channel, channel.server, { dialled: false, via: [] }, ports.clock);
    this.connection.listen({
      control: (control) => this.#control(control),
      bundle: () => this.connection.fault(),
      piece: () => this.connection.fault(),
      batchEnd: () => undefined,
      closed: () => ports.closed(this),
    });
    this.connection.send({ kind: "trust", linked: false });
  }

  get connected(): boolean {
    return this.#registered && this.connection.confirmed;
  }

  send(control: LinkControl): void {
    this.connection.send(control);
  }

  #control(control: LinkControl): void {
    if (control.kind === "trust") return;
    if (control.kind === "register") return this.#register(control.token);
    if (!this.#registered) return this.connection.close("not-allowed");
    if (control.kind === "record") return this.#ports.record(this, control.record);
    if (control.kind === "askRecords") return this.#ports.asksRecords(this, control);
    if (control.kind === "people") return this.#ports.people(this, control);
    if (control.kind !== "query") return this.connection.fault();
    void this.#answer(control);
  }

  #register(token: Uint8Array | undefined): void {
    try {
      this.#ports.admit(token);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.connection.close(error.code);
    }
    if (this.#registered) return this.connection.fault();
    this.#registered = true;
    this.connection.send({ kind: "registered" });
    this.connection.send({ kind: "askPeople" });
    this.#ports.registered(this);
  }

  async #answer({ id, query }: Control<"query">): Promise<void> {
    try {
      const result = await this.#ports.answer(this, query);
      this.connection.send({ kind: "answer", id, result });
    } catch (error) {
      const failure = error instanceof ProtocolError ? error : new ProtocolError("internal");
      this.connection.send({ kind: "answer", id, error: toWireError(failure) });
    }
  }
}
