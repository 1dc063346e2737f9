/**
 * Takes records of other servers from an account that came from another homeserver, so that what it has to do with is
 * found from here, too. A record's own signature says whether it holds; the account is trusted for nothing. One that has
 * expired still says where to ask. Invariant: what accounts tell counts, all together, as one neighbour's share. [A14]
 */
import type { Clock, Primitives, ServerId, ServerRecord } from "@fedchat/protocol";
import { ProtocolError, serverRecord } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { ServerRecords } from "./records.ts";
import type { UnlinkedServers } from "./unlinked-servers.ts";

export interface IntroducingPorts {
  self: ServerId;
  records: Pick<ServerRecords, "read" | "get" | "admitTold">;
  unlinked: Pick<UnlinkedServers, "reach">;
  /** Whether a server may be called so. [L15] */
  mayBeCalled: (server: ServerId, name: string) => boolean;
  /** A record that holds: it may say that another key is replaced. [R9] */
  seen: (record: ServerRecord) => void;
  /** Whether a key is nobody's any more. */
  isReplaced: (server: ServerId) => boolean;
  /** A newer record of this server was told; `before`: the one that was known. */
  heard: (server: ServerId, before: ServerRecord | undefined) => void;
  commit: GroupCommit;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
}

/** Resolves when what is new is on disk. What does not hold is let go. */
export async function introduce(ports: IntroducingPorts, told: readonly Uint8Array[]): Promise<void> {
  const ops: WriteOp[] = [];
  for (const signed of told) {
    try {
      ops.push(...take(ports, signed));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
  if (ops.length > 0) await ports.commit.add(ops);
}

function take(ports: IntroducingPorts, signed: Uint8Array): WriteOp[] {
  const { self, records, unlinked, mayBeCalled, heard, seen, isReplaced, primitives, clock } = ports;
  const one = records.read(signed, 1, clock.now());
  const { key, name, addresses, expires } = one.record;
  if (key === self || isReplaced(key)) return [];
  if (expires <= clock.now() && records.get(key) === undefined) {
    serverRecord.open(primitives, signed);
    unlinked.reach(key, { addresses, relays: [] });
    return [];
  }
  if (one.standing !== "newer") return [];
  one.verify();
  seen(one.record);
  if (isReplaced(key) || !mayBeCalled(key, name)) return [];
  const before = records.get(key);
  const ops = records.admitTold(self, one, clock.now());
  heard(key, before);
  return ops;
}
