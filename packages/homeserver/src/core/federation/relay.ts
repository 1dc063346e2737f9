/**
 * The middle of circuits: passes on for others what it cannot read. Invariants: nothing passes without the consent of
 * this server's record to both neighbours; what a circuit can make us hold is what its ends may have under way, and all
 * of them together are bounded, too; whoever breaks a rule loses that circuit and no more. Source and path are claims
 * that only the neighbours' own keys stand behind. [C2] to [C6]
 */
import type { CircuitPiece, Clock, ServerId, ServerRecord } from "@fedchat/protocol";
import { encodeCircuitPiece } from "@fedchat/protocol";
import {
  circuitsMax,
  circuitsOfStrangersMax,
  circuitsPerNeighbourMax,
  relayWaitingBytesMax,
} from "../limits.ts";
import type { CircuitEnd, CircuitLegs, CircuitOpen, Leg, LegTaker } from "./circuit-legs.ts";
import { CircuitWindow, pieceCost } from "./circuit-window.ts";
import { Flow, RelayQueue } from "./relay-queue.ts";

/** A server with an open connection here. */
export interface Neighbour {
  server: ServerId;
  mutual: boolean;
  direct: boolean;
  legs: CircuitLegs;
}

export interface RelayPorts {
  self: ServerId;
  clock: Clock;
  relaysFor: () => ServerRecord["relaysFor"];
  bytesPerSecond: () => number;
  neighbour: (server: ServerId) => Neighbour | undefined;
}

export class Relay {
  readonly #ports: RelayPorts;
  readonly #queue: RelayQueue;
  readonly #circuits = new Set<RelayedCircuit>();

  constructor(ports: RelayPorts) {
    this.#ports = ports;
    this.#queue = new RelayQueue(ports.clock, ports.bytesPerSecond);
  }

  /** Circuits that pass here now. */
  get size(): number {
    return this.#circuits.size;
  }

  /** What waits to be passed on. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Passes a circuit on to the next server, or says why not. */
  open(leg: Leg, asker: Neighbour, { source, destination, path }: CircuitOpen): void {
    const [next = destination, ...rest] = path;
    const neighbour = this.#ports.neighbour(next);
    const refused = this.#refusal(asker, neighbour, { source, destination, path });
    if (refused !== undefined || neighbour === undefined) {
      return leg.close({ code: refused ?? "unreachable", at: this.#ports.self });
    }
    const onward = neighbour.legs.create();
    const circuit: RelayedCircuit = new RelayedCircuit(
      { asker, back: leg, onward, self: this.#ports.self, queue: this.#queue },
      { waits: () => this.#makeRoom(), over: () => this.#circuits.delete(circuit) },
    );
    this.#circuits.add(circuit);
    onward.open({ source, destination, path: rest });
  }

  #refusal(
    asker: Neighbour,
    next: Neighbour | undefined,
    { source, destination, path }: Pick<CircuitOpen, "source" | "destination" | "path">,
  ): string | undefined {
    const passed = [this.#ports.self, destination, ...path];
    const looped = new Set(passed).size !== passed.length || passed.includes(asker.server);
    if (looped || passed.includes(source) || !asker.direct) return "malformed";
    if (!this.#consents(asker, next)) return "not-allowed";
    if (next?.direct !== true) return "unreachable";
    return this.#full(asker) ? "rate-limited" : undefined;
  }

  /** Whoever is away cannot be mutually linked to anything that is asked for: that is said by `unreachable`. [C3] */
  #consents(asker: Neighbour, next: Neighbour | undefined): boolean {
    const relaysFor = this.#ports.relaysFor();
    if (relaysFor === "nobody" || next?.mutual === false) return false;
    return relaysFor === "anyone" || asker.mutual;
  }

  #full(asker: Neighbour): boolean {
    const circuits = [...this.#circuits];
    const count = (counts: (circuit: RelayedCircuit) => boolean) => circuits.filter(counts).length;
    if (circuits.length >= circuitsMax) return true;
    if (count((circuit) => circuit.asker.server === asker.server) >= circuitsPerNeighbourMax) return true;
    return !asker.mutual && count((circuit) => !circuit.asker.mutual) >= circuitsOfStrangersMax;
  }

  /** Where too much waits the circuit goes that holds the most. */
  #makeRoom(): void {
    while (this.#queue.bytes > relayWaitingBytesMax) {
      let most: RelayedCircuit | undefined;
      for (const circuit of this.#circuits) {
        if (most === undefined || circuit.waitingBytes > most.waitingBytes) most = circuit;
      }
      if (most === undefined) return;
      most.end("rate-limited");
    }
  }
}

interface CircuitParts {
  asker: Neighbour;
  back: Leg;
  onward: Leg;
  self: ServerId;
  queue: RelayQueue;
}

/** One circuit that passes here: two legs, and in each direction what waits and what may still come. */
class RelayedCircuit {
  readonly asker: Neighbour;
  readonly #parts: CircuitParts;
  readonly #listener: { waits: () => void; over: () => void };
  readonly #forth: Direction;
  readonly #back: Direction;
  #opened = false;

  constructor(parts: CircuitParts, listener: { waits: () => void; over: () => void }) {
    const { asker, back, onward } = parts;
    this.asker = asker;
    this.#parts = parts;
    this.#listener = listener;
    this.#forth = { from: back, flow: new Flow(onward), window: new CircuitWindow() };
    this.#back = { from: onward, flow: new Flow(back), window: new CircuitWindow() };
    back.taker = this.#taker(this.#forth, this.#back, () => this.end("malformed"));
    onward.taker = this.#taker(this.#back, this.#forth, () => this.#open());
  }

  get waitingBytes(): number {
    return this.#forth.flow.bytes + this.#back.flow.bytes;
  }

  /** Ends it on both sides at once; what waits is let go. */
  end(code: string): void {
    const end = { code, at: this.#parts.self };
    for (const { from, flow } of [this.#forth, this.#back]) {
      this.#parts.queue.drop(flow);
      from.close(end);
    }
    this.#listener.over();
  }

  /** @param comes the direction of what this leg's neighbour sends; `goes` is the other one */
  #taker(comes: Direction, goes: Direction, opened: () => void): LegTaker {
    return {
      opened,
      credited: (cost) => {
        if (!goes.window.giveBack(cost, goes.flow.bytes)) return this.end("malformed");
        goes.from.credit(cost);
      },
      piece: (piece) => this.#pass(comes, piece),
      ended: (end) => this.#passEnd(comes, goes, end),
    };
  }

  #open(): void {
    if (this.#opened) return this.end("malformed");
    this.#opened = true;
    this.#parts.back.opened();
  }

  #pass({ from, flow, window }: Direction, { last, bytes }: CircuitPiece): void {
    const cost = pieceCost(bytes.length);
    if (!window.pay(cost)) {
      from.connection.fault();
      return this.end("malformed");
    }
    const { connection, circuit } = flow.to;
    // What waits shall not keep the whole frame that it came in.
    const message = encodeCircuitPiece({ circuit, last, bytes });
    this.#parts.queue.put(flow, cost, () => connection.sendPiece(message));
    this.#listener.waits();
  }

  /** The other side hears of it behind what waits for it. [C4] */
  #passEnd(comes: Direction, goes: Direction, end: CircuitEnd): void {
    const { queue } = this.#parts;
    queue.drop(goes.flow);
    goes.from.taker = {
      opened: nothing,
      credited: nothing,
      piece: nothing,
      ended: () => {
        queue.drop(comes.flow);
        this.#listener.over();
      },
    };
    queue.put(comes.flow, 0, () => {
      goes.from.close(end);
      this.#listener.over();
    });
  }
}

/** What goes from the one neighbour to the other. */
interface Direction {
  from: Leg;
  flow: Flow;
  window: CircuitWindow;
}

function nothing(): void {
  // The circuit is over: what still comes is let go.
}
