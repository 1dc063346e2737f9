/** What every machine of a simulation stands in, and the parts of it that a mutant replaces. */
import type { AccountId, ByteChannel, Primitives } from "@fedchat/protocol";
import type { Database } from "../../packages/engine/src/store/database.ts";
import type { HomeserverConfig } from "../../packages/homeserver/src/core/homeserver.ts";
import type { HomeserverStore } from "../../packages/homeserver/src/store/store.ts";
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";
import type { VirtualNetwork } from "../../packages/homeserver/test/virtual/virtual-network.ts";
import type { Acquaintance } from "./acquaintance.ts";
import type { GroupKind, StubMutation } from "./group-kinds.ts";
import type { Happenings } from "./happenings.ts";
import type { RoomLogsWatch } from "./room-logs-watch.ts";
import type { RoomWatch } from "./room-watch.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";
import type { Violations } from "./violations.ts";

export interface Surroundings {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly primitives: Primitives;
  readonly trace: Trace;
  readonly violations: Violations;
  readonly groups: GroupKind;
  readonly acquaintance: Acquaintance;
  readonly happenings: Happenings;
  readonly rooms: RoomWatch;
  readonly roomLogs: RoomLogsWatch;
  readonly mutation: Mutation;
  /** Whether frames are traced, and whatever homeservers learn and write is searched. */
  readonly watched: boolean;
  /** How a homeserver is configured where it is not as all are. */
  configure(homeserver: string): Partial<HomeserverConfig>;
  /** People with engines. */
  readonly devices: readonly Peer[];
  /** The process that runs at this host now. */
  processAt(host: string): SimulatedProcess | undefined;
}

/** Somebody to write to. */
export interface Peer {
  readonly name: string;
  readonly account: AccountId;
}

/** Parts replaced by wrong ones: the checkers must notice. */
export interface Mutation extends StubMutation {
  store?: (store: HomeserverStore) => HomeserverStore;
  /** Of a homeserver's links. */
  linkChannel?: (channel: ByteChannel) => ByteChannel;
  /** Commits are answered at once and reach the disk only so often. */
  syncEveryMs?: number;
  database?: (database: Database) => Database;
  /** The engine on this database was killed. */
  crashed?: (database: Database) => void;
}
