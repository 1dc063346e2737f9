/** The record and gossip layers of one server, without the rest of it; and wires between two, which carry and count the real messages. */
import type { LinkControl, Primitives, ServerId } from "@fedchat/protocol";
import { decodeLinkMessage, encodeLinkControl } from "@fedchat/protocol";
import { Gossip } from "../../packages/homeserver/src/core/federation/gossip.ts";
import type { Peer } from "../../packages/homeserver/src/core/federation/peer.ts";
import { ServerRecords } from "../../packages/homeserver/src/core/federation/records.ts";
import { GroupCommit } from "../../packages/homeserver/src/core/group-commit.ts";
import { silentLog } from "../../packages/homeserver/src/core/log.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";

export interface Surroundings {
  clock: VirtualClock;
  random: SeededRandom;
  primitives: Primitives;
  traffic: { messages: number; bytes: number };
}

export class Server {
  readonly id: ServerId;
  readonly records: ServerRecords;
  readonly gossip: Gossip;
  readonly wires: Wire[] = [];
  /** Something that this server knows of others changed. */
  onChange: (() => void) | undefined;

  constructor(id: ServerId, { clock, random, primitives }: Surroundings) {
    this.id = id;
    this.records = new ServerRecords({
      stored: [],
      primitives,
      keeps: (server) => this.wires.some((wire) => wire.server === server),
      onChange: () => {
        this.gossip.changed();
        this.onChange?.();
      },
    });
    const disk = { write: async (ops: unknown[]) => ops.map(() => ({ op: "done" as const })) };
    this.gossip = new Gossip({
      state: { meta: new Map(), told: [] },
      clock,
      random,
      commit: new GroupCommit(disk, clock),
      log: silentLog,
      self: id,
      records: this.records,
      trustOf: (server) => (this.wires.some((wire) => wire.server === server) ? "mutual" : "none"),
      mayBeCalled: () => true,
      heard: () => undefined,
      seen: () => undefined,
      isReplaced: () => false,
    });
  }

  hears(from: Wire, control: LinkControl, nowMs: number): void {
    if (control.kind === "askRecords") this.gossip.asked(from, control);
    if (control.kind === "records") this.gossip.received(from, control);
    if (control.kind === "record")
      this.records.admitSent(from.server, control.record, nowMs, () => undefined);
  }
}

/** One way: somewhere between a city and a continent. */
const delayMs = { min: 5, max: 40 };

/** A server's connection to another one, as it sees it. */
class Wire implements Peer {
  readonly server: ServerId;
  readonly trust = "mutual";
  readonly standing = "mutual";
  readonly origin = "person";
  readonly connected = true;
  readonly connection = { congested: false, fault: failed };
  #deliver: (message: Uint8Array) => void;

  constructor(server: ServerId, deliver: (message: Uint8Array) => void) {
    this.server = server;
    this.#deliver = deliver;
  }

  send(control: LinkControl): void {
    this.#deliver(encodeLinkControl(control));
  }
}

/** Two mutually linked servers. */
export function connect(a: Server, b: Server, { clock, random, traffic }: Surroundings): void {
  const toB: Wire = new Wire(b.id, (message) => carry(message, b, () => toA));
  const toA: Wire = new Wire(a.id, (message) => carry(message, a, () => toB));
  const carry = (message: Uint8Array, to: Server, back: () => Wire) => {
    traffic.messages += 1;
    traffic.bytes += message.length;
    clock.after(random.between(delayMs.min, delayMs.max), () => {
      const decoded = decodeLinkMessage(message);
      if (decoded.kind === "control") to.hears(back(), decoded.control, clock.now());
    });
  };
  a.wires.push(toB);
  b.wires.push(toA);
  a.gossip.mutual(toB);
  b.gossip.mutual(toA);
}

function failed(): never {
  throw new Error("assertion: nobody here sends what is wrong");
}
