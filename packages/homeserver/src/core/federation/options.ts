/** What a federation is built from: everything outside it, as small interfaces. */
import type {
  ByteChannel,
  Clock,
  CustodyReceipt,
  Primitives,
  RandomSource,
  ServerAddress,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import type { CustodyReads, HomeserverStore, StoredState } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Log } from "../log.ts";
import type { DomainChecker } from "./domains.ts";
import type { LocalAccounts, LocalRooms } from "../seams.ts";
import type { DirectoriesConfig } from "./directory-config.ts";

/** Opens carriers to other homeservers. Rejects with `ProtocolError`: `unreachable` or `not-fedchat`. */
export interface Dialer {
  /** @param resolved hears the addresses that a name stands for, before one of them is dialled */
  dial(
    address: ServerAddress,
    path: string,
    resolved?: (addresses: readonly string[]) => void,
  ): Promise<ByteChannel>;
}

/** Our own server record as it is now. */
export interface OwnRecord {
  record: ServerRecord;
  signed: Uint8Array;
}

export interface FederationPolicy {
  /**
   * What becomes of servers that link us unasked. ask: they appear as incoming and may deliver requests ·
   * anyone: they are linked back at once · listed: only those in `listed`, and those we linked, may connect.
   */
  accept: "ask" | "anyone" | "listed";
  listed: readonly ServerId[];
}

/** What this server does for others. Whoever reads it reads it anew each time: an administrator may change it. */
export interface Relaying {
  /** For whom it relays, and keeps bundles in custody. [C3] */
  readonly relaysFor: ServerRecord["relaysFor"];
  /** What all circuits together may pass on. [C6] */
  readonly bytesPerSecond: number;
  /** What bundles in custody may take on disk. [K3] */
  readonly storageBytesMax: number;
}

export interface FederationOptions {
  /** Undefined: none. */
  directories?: DirectoriesConfig;
  /** What the store held at start. */
  state: Pick<StoredState, "meta" | "links" | "records" | "told" | "outgoing" | "incoming" | "custody">;
  commit: GroupCommit;
  store: Pick<HomeserverStore, "outboxPage" | "refusals" | keyof CustodyReads>;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  /** X25519: the private part of our record's `noiseKey`. */
  noisePrivateKey: Uint8Array;
  ownRecord: () => OwnRecord;
  /** Another server holds this record of ours, which our own key signed and whose recovery key ours does not name. [R7] */
  heldOfUs?: (record: ServerRecord) => void;
  /** Signs in this server's name. [K2] */
  signReceipt: (receipt: CustodyReceipt) => Uint8Array;
  /** Our record should list other relays and neighbours: those of `standing()`. [G6] */
  standingChanged?: () => void;
  dialer: Dialer;
  /** Absent: no name is shown as a domain. */
  domains?: DomainChecker;
  accounts: LocalAccounts;
  /** Absent: no rooms' logs are kept here. */
  rooms?: LocalRooms;
  policy: FederationPolicy;
  relaying: Relaying;
  log: Log;
}

/** Where an incoming carrier comes from. */
export interface Remote {
  /** The network address that rate limits count by: of IPv6 a whole network. */
  address: string;
  /** The very address, to be dialled back; absent where there is none, as through a relay. [L25] */
  host?: string;
  /** Whether it came from beyond this machine and its local network. */
  fromOutside: boolean;
  /** The relay that it came through; absent: none. */
  via?: readonly ServerId[];
}
