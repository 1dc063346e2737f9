/** What a federation is built from: everything outside it, as small interfaces. */
import type {
  ByteChannel,
  Clock,
  Primitives,
  RandomSource,
  ServerAddress,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import type { HomeserverStore, StoredState } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Log } from "../log.ts";
import type { LocalAccounts } from "../seams.ts";

/** Opens carriers to other homeservers. Rejects with `ProtocolError`: `unreachable` or `not-fedchat`. */
export interface Dialer {
  dial(address: ServerAddress, path: string): Promise<ByteChannel>;
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

export interface FederationOptions {
  /** What the store held at start. */
  state: Pick<StoredState, "links" | "records" | "outgoing" | "incoming">;
  commit: GroupCommit;
  store: Pick<HomeserverStore, "outboxPage">;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  /** X25519: the private part of our record's `noiseKey`. */
  noisePrivateKey: Uint8Array;
  ownRecord: () => OwnRecord;
  dialer: Dialer;
  accounts: LocalAccounts;
  policy: FederationPolicy;
  log: Log;
}

/** Where an incoming carrier comes from. */
export interface Remote {
  /** The network address that rate limits count by. */
  address: string;
  /** Whether it came from beyond this machine and its local network. */
  fromOutside: boolean;
}
