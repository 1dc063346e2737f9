/**
 * The circuits over one connection to a neighbour: their numbers, and who takes what comes on each. A circuit has a leg
 * on every connection that it passes: its ends one, each relay two. Invariant: a number names one circuit at a time, and
 * is even where the dialler of the connection chose it. What comes for a number that is not in use is let go: the
 * circuit may have ended while it was under way. [C2] [C4]
 */
import type { CircuitPiece, LinkControl, ServerId } from "@fedchat/protocol";
import { encodeCircuitPiece } from "@fedchat/protocol";
import type { Connection } from "./connection.ts";

export type CircuitMessage = Extract<
  LinkControl,
  { kind: "circuitOpen" | "circuitOpened" | "circuitCredit" | "circuitClose" }
>;
export type CircuitOpen = Extract<CircuitMessage, { kind: "circuitOpen" }>;

/** Why a circuit is over: an error code or a carrier's reason, and the server that could not go on, if one said so. */
export interface CircuitEnd {
  code: string;
  at: ServerId | undefined;
}

/** Who takes what a neighbour sends on a circuit. */
export interface LegTaker {
  opened(): void;
  credited(bytes: number): void;
  /** Its bytes are a view: what is kept is copied. */
  piece(piece: CircuitPiece): void;
  /** The neighbour ended it, or the connection is gone; nothing more comes. */
  ended(end: CircuitEnd): void;
}

type LegConnection = Pick<
  Connection,
  "dialled" | "via" | "server" | "bufferedBytes" | "closed" | "send" | "sendPiece" | "fault"
>;

/** One circuit on one connection. */
export class Leg {
  readonly connection: LegConnection;
  readonly circuit: number;
  taker: LegTaker | undefined;
  readonly #held: Map<number, Leg>;

  /** @param held the circuits of this connection */
  constructor(connection: LegConnection, circuit: number, held: Map<number, Leg>) {
    this.connection = connection;
    this.circuit = circuit;
    this.#held = held;
  }

  get neighbour(): ServerId {
    return this.connection.server.record.key;
  }

  open(open: Omit<CircuitOpen, "kind" | "circuit">): void {
    this.connection.send({ kind: "circuitOpen", circuit: this.circuit, ...open });
  }

  opened(): void {
    this.connection.send({ kind: "circuitOpened", circuit: this.circuit });
  }

  credit(bytes: number): void {
    this.connection.send({ kind: "circuitCredit", circuit: this.circuit, bytes });
  }

  piece(last: boolean, bytes: Uint8Array): void {
    this.connection.sendPiece(encodeCircuitPiece({ circuit: this.circuit, last, bytes }));
  }

  /** Ends it on this side and tells the neighbour, unless it is over: then its number may be another circuit's. */
  close({ code, at }: CircuitEnd): void {
    this.taker = undefined;
    if (this.#held.get(this.circuit) !== this) return;
    this.#held.delete(this.circuit);
    this.connection.send({
      kind: "circuitClose",
      circuit: this.circuit,
      code: sendable(code),
      ...(at === undefined ? {} : { at }),
    });
  }
}

export class CircuitLegs {
  readonly #self: ServerId;
  readonly #connection: LegConnection;
  readonly #legs = new Map<number, Leg>();
  #next: number;

  constructor(self: ServerId, connection: LegConnection) {
    this.#self = self;
    this.#connection = connection;
    this.#next = connection.dialled ? 0 : 1;
  }

  get size(): number {
    return this.#legs.size;
  }

  /** A leg with a number of our own. */
  create(): Leg {
    while (this.#legs.has(this.#next)) this.#advance();
    const leg = this.#add(this.#next);
    this.#advance();
    return leg;
  }

  /** A leg with the neighbour's number; undefined where that is in use, or is not the neighbour's to choose. [C2] */
  take(circuit: number): Leg | undefined {
    const theirs = this.#connection.dialled ? 1 : 0;
    return circuit % 2 !== theirs || this.#legs.has(circuit) ? undefined : this.#add(circuit);
  }

  control(message: Exclude<CircuitMessage, CircuitOpen>): void {
    const leg = this.#legs.get(message.circuit);
    if (message.kind === "circuitOpened") leg?.taker?.opened();
    else if (message.kind === "circuitCredit") leg?.taker?.credited(message.bytes);
    else this.#end(leg, { code: message.code, at: message.at });
  }

  piece(piece: CircuitPiece): void {
    this.#legs.get(piece.circuit)?.taker?.piece(piece);
  }

  /** The connection is gone, and all circuits over it. [C4] */
  closed(): void {
    for (const leg of [...this.#legs.values()]) this.#end(leg, { code: "unreachable", at: this.#self });
  }

  #add(circuit: number): Leg {
    const leg = new Leg(this.#connection, circuit, this.#legs);
    this.#legs.set(circuit, leg);
    return leg;
  }

  #end(leg: Leg | undefined, end: CircuitEnd): void {
    if (leg === undefined) return;
    this.#legs.delete(leg.circuit);
    const { taker } = leg;
    leg.taker = undefined;
    taker?.ended(end);
  }

  #advance(): void {
    this.#next = (this.#next + 2) % 0x1_0000_0000;
  }
}

/** A code as a message may hold it: a carrier's reason can be any text. */
function sendable(code: string): string {
  return code.replaceAll(/[^ -~]/g, "?").slice(0, 40);
}
