/** A neighbour played by hand, as far as circuits go: what it was sent, and what it sends. */
import type { CircuitPiece, LinkControl, ServerId } from "@fedchat/protocol";
import { encodeCircuitPiece } from "@fedchat/protocol";
import type { CircuitMessage } from "../src/core/federation/circuit-legs.ts";
import { CircuitLegs } from "../src/core/federation/circuit-legs.ts";
import type { BarePeer } from "./federation-peer.ts";
import type { Host } from "./federation-world.ts";

export function isCircuit(control: LinkControl): control is CircuitMessage {
  return control.kind.startsWith("circuit");
}

export class CircuitPeer {
  readonly peer: BarePeer;
  /** The circuits over its connection, as a homeserver would keep them. */
  readonly legs: CircuitLegs;

  constructor(peer: BarePeer) {
    this.peer = peer;
    this.legs = new CircuitLegs(peer.id, {
      dialled: true,
      via: [],
      server: { record: peer.host.own.record, signed: peer.host.own.signed, features: [] },
      bufferedBytes: 0,
      closed: false,
      send: (control) => peer.control(control),
      sendPiece: (message) => peer.message(message),
      fault: () => undefined,
    });
  }

  get id(): ServerId {
    return this.peer.id;
  }

  /** From now on what comes is taken as a homeserver would. */
  take(): this {
    this.peer.onControl = (control) => {
      if (isCircuit(control) && control.kind !== "circuitOpen") this.legs.control(control);
    };
    this.peer.onPiece = (piece) => this.legs.piece(piece);
    return this;
  }

  /** Asks for a circuit from itself. */
  open(destination: { id: ServerId }, path: { id: ServerId }[] = [], circuit = 0, source = this.id): void {
    this.peer.control({
      kind: "circuitOpen",
      ...{ circuit, source, destination: destination.id, path: path.map(({ id }) => id) },
    });
  }

  piece(circuit: number, bytes: Uint8Array, last = true): void {
    this.peer.message(encodeCircuitPiece({ circuit, last, bytes }));
  }

  heard<K extends CircuitMessage["kind"]>(kind: K): Extract<CircuitMessage, { kind: K }>[] {
    return this.peer.controls.filter(
      (control): control is Extract<CircuitMessage, { kind: K }> => control.kind === kind,
    );
  }

  get pieces(): CircuitPiece[] {
    return this.peer.pieces;
  }

  get receivedBytes(): number {
    return this.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

/** Who relays as it should, or as `meddle` says, between two homeservers: one peer with a connection to each. */
export class BareRelay {
  /** Looks at a piece on its way; what it returns goes on. */
  meddle: (piece: CircuitPiece, to: Host) => CircuitPiece[] = (piece) => [piece];
  /** How long it keeps each piece. */
  delayMs = 0;

  /** @param from where circuits are opened; `to`, where they end. Both are the same server to the homeservers. */
  between(from: BarePeer, to: BarePeer): this {
    this.#join(from, to, -1);
    this.#join(to, from, 1);
    return this;
  }

  /** Homeservers chose odd numbers on these connections, and peers even ones. */
  #join(one: BarePeer, other: BarePeer, shift: number): void {
    one.onControl = (control) => {
      if (!isCircuit(control)) return;
      const circuit = control.circuit + shift;
      // Consent, bounds and path are not its concern.
      other.control({ ...control, circuit });
    };
    one.onPiece = ({ circuit, last, bytes }) => {
      for (const piece of this.meddle({ circuit: circuit + shift, last, bytes }, other.host))
        other.world.clock.after(this.delayMs, () => other.message(encodeCircuitPiece(piece)));
    };
  }
}
