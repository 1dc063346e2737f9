/**
 * The recovery key that a server has forgotten, because it was put back from a backup from before: whoever holds a record
 * of it that names one shows it that record, where the one that it came with does not. Nobody is trusted for it, only the
 * signature by the server's own key. [R7]
 */
import type { Clock, Primitives, ServerId, ServerRecord } from "@fedchat/protocol";
import { compareServerRecord, keepsRecoveryKey, ProtocolError, serverRecord } from "@fedchat/protocol";
import type { Connection } from "./connection.ts";
import { recallingFeature } from "./link-features.ts";
import type { Link } from "./link.ts";
import type { ServerRecords } from "./records.ts";

export interface RecallingPorts {
  self: ServerId;
  clock: Pick<Clock, "now">;
  primitives: Primitives;
  records: Pick<ServerRecords, "known">;
  /** Another server holds this record of ours, which our own key signed. */
  heldOfUs: (record: ServerRecord) => void;
}

export class Recalling {
  readonly #ports: RecallingPorts;
  /** Connections over which a record of ours was shown. */
  readonly #shown = new WeakSet<Connection>();

  constructor(ports: RecallingPorts) {
    this.#ports = ports;
  }

  /** Shows a server that connected what it has forgotten. */
  opened(link: Link, { server: { record, features } }: Connection): void {
    const held = this.#ports.records.known(link.server);
    if (held === undefined || keepsRecoveryKey(record, held.record)) return;
    if (features.includes(recallingFeature)) link.send({ kind: "recordHeld", record: held.signed });
  }

  /** Throws `malformed` for a record that our key did not sign. More than one over a connection is a fault. */
  received({ connection }: Link, signed: Uint8Array): void {
    const { self, clock, primitives, heldOfUs } = this.#ports;
    if (connection === undefined) return;
    if (this.#shown.has(connection)) return connection.fault();
    this.#shown.add(connection);
    const record = serverRecord.open(primitives, signed.slice());
    if (record.key !== self) throw new ProtocolError("malformed", "server record: of another server");
    if (compareServerRecord(record, undefined, clock.now()) !== "ahead-of-time") heldOfUs(record);
  }
}
