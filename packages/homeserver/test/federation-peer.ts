/** A homeserver played by hand: it has keys and speaks the protocol, and says whatever a test has it say. */
import type {
  BundleHeader,
  CircuitPiece,
  ControlItem,
  LinkControl,
  SecureChannel,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import {
  decodeBundle,
  decodeBundleBody,
  decodeLinkMessage,
  dialChannel,
  encodeBundleBody,
  encodeLinkBundle,
  encodeLinkControl,
  linkPath,
  serverId,
  serverRecord,
} from "@fedchat/protocol";
import { OpeningSeals, SendingSeals } from "../src/core/federation/seals.ts";
import type { Host, World } from "./federation-world.ts";
import { primitives } from "./federation-world.ts";

/** What a peer must know of the server that it dials. */
type Dialled = Pick<Host, "address" | "id" | "own">;

export class BarePeer<To extends Dialled = Host> {
  readonly world: World;
  readonly name: string;
  readonly host: To;
  readonly id: ServerId;
  readonly seed: Uint8Array;
  readonly noise: Uint8Array;
  readonly signed: Uint8Array;
  readonly controls: LinkControl[] = [];
  readonly items: ControlItem[] = [];
  readonly sealed: Uint8Array[] = [];
  readonly pieces: CircuitPiece[] = [];
  /** Hears of controls and pieces as they come. */
  onControl: ((control: LinkControl) => void) | undefined;
  onPiece: ((piece: CircuitPiece) => void) | undefined;
  closed: string | undefined;
  /** What it offers when it dials. */
  features: string[] = [];
  channel!: SecureChannel;
  seals!: SendingSeals;
  #opening!: OpeningSeals;

  constructor(world: World, name: string, host: To, says: Partial<ServerRecord> = {}) {
    const random = world.random.fork(`peer ${name}`);
    const seed = random.bytes(32);
    this.seed = seed;
    this.world = world;
    this.name = name;
    this.host = host;
    this.noise = random.bytes(32);
    this.id = serverId.fromBytes(primitives.ed25519.publicKey(seed));
    this.signed = serverRecord.sign(primitives, seed, {
      key: this.id,
      name,
      noiseKey: primitives.x25519.publicKey(this.noise),
      addresses: [],
      relays: [],
      relaysFor: "nobody",
      neighbours: [],
      software: "by hand",
      sequence: world.clock.now(),
      issued: world.clock.now(),
      expires: world.clock.now() + 86_400_000,
      ...says,
    });
  }

  /** Connects, says that it links the host, and hears the host's first words. */
  static async connect(
    world: World,
    host: Host,
    name = "mallory",
    says: Partial<ServerRecord> = {},
  ): Promise<BarePeer> {
    const peer = new BarePeer(world, name, host, says);
    await peer.dial();
    peer.control({ kind: "trust", linked: true });
    await world.clock.advance(100);
    return peer;
  }

  /** As `connect`, and the host links back. */
  static async mutual(
    world: World,
    host: Host,
    name?: string,
    says?: Partial<ServerRecord>,
  ): Promise<BarePeer> {
    const peer = await BarePeer.connect(world, host, name, says);
    await world.clock.settle(host.federation.linkBack(peer.id));
    await world.clock.advance(100);
    return peer;
  }

  /** @param from the host that it dials from */
  async dial(from = this.name): Promise<void> {
    const { clock, network, random } = this.world;
    const seals = { self: this.id, noisePrivateKey: this.noise, primitives, random, clock };
    this.seals = new SendingSeals(seals);
    this.#opening = new OpeningSeals(seals);
    this.closed = undefined;
    const channel = await clock.settle(network.dialer(from).dial(this.host.address, linkPath));
    const dialling = dialChannel({
      channel,
      protocol: "fedchat-link",
      expects: this.host.id,
      noiseKey: undefined,
      staticKey: this.noise,
      record: this.signed,
      features: this.features,
      primitives,
      random,
      clock,
    }).then((opened) => {
      this.channel = opened;
      opened.onMessages = (messages) => messages.forEach((message) => this.#receive(message.slice()));
      opened.onClose = (reason) => void (this.closed = reason);
    });
    await clock.settle(dialling);
  }

  control(control: LinkControl): void {
    this.channel.send(encodeLinkControl(control));
  }

  message(bytes: Uint8Array): void {
    this.channel.send(bytes);
  }

  bundle(encoded: Uint8Array): void {
    this.channel.send(encodeLinkBundle(encoded));
  }

  /** A sealed bundle for the host. */
  seal(header: Partial<BundleHeader>, body: Uint8Array): Uint8Array {
    return this.seals.seal(
      this.hostPeer,
      {
        class: "messages",
        stream: 1_000,
        sequence: 1,
        created: this.world.clock.now(),
        lifetimeMs: 60_000,
        ...header,
      },
      body,
    );
  }

  /** A sealed bundle with one text for the host's first person. */
  text(this: BarePeer, sequence: number, text: string, stream = 1_000): Uint8Array {
    const envelope = this.host.envelope([this.host.person], text, "request");
    return this.seal({ stream, sequence }, encodeBundleBody({ kind: "envelopes", envelopes: [envelope] }));
  }

  controlBundle(items: ControlItem[], created = this.world.clock.now()): Uint8Array {
    const header = { class: "control", stream: 0, sequence: 0, created } as const;
    return this.seal(header, encodeBundleBody({ kind: "control", items }));
  }

  state(
    sending: { stream: number; floor: number; next: number },
    receiving = { stream: 0, committed: 0 },
  ): Uint8Array {
    return this.controlBundle([{ kind: "state", class: "messages", sending, receiving }]);
  }

  get hostPeer() {
    return { server: this.host.id, noiseKey: this.host.own.record.noiseKey };
  }

  /** The last acknowledgement of class messages. */
  get acknowledged(): { stream: number; committed: number } | undefined {
    const ack = this.items.findLast((item) => item.kind === "ack" && item.class === "messages");
    return ack?.kind === "ack" ? { stream: ack.stream, committed: ack.committed } : undefined;
  }

  #receive(message: Uint8Array): void {
    const decoded = decodeLinkMessage(message);
    if (decoded.kind === "control") {
      if (decoded.control.kind === "ping") this.control({ kind: "pong", id: decoded.control.id });
      else this.controls.push(decoded.control);
      this.onControl?.(decoded.control);
      return;
    }
    if (decoded.kind === "circuit") {
      this.pieces.push(decoded.piece);
      this.onPiece?.(decoded.piece);
      return;
    }
    this.sealed.push(decoded.bundle);
    // What is handed to it for others it cannot open.
    if (decodeBundle(decoded.bundle).header.destination !== this.id) return;
    const opened = this.#opening.open(this.hostPeer, decodeBundle(decoded.bundle));
    if (!opened.ok) throw new Error(`the host sent what is ${opened.why}`);
    const body = decodeBundleBody(opened.body);
    if (body.kind === "control") this.items.push(...body.items);
  }
}
