/**
 * Everything that an engine keeps, in one database: keys, MLS states, messages, what waits to be sent. What must
 * happen together is one `transaction` over several tables.
 */
import { AccountsTable } from "./accounts-table.ts";
import { ArchiveTable } from "./archive-table.ts";
import { BranchesTable } from "./branches-table.ts";
import type { Database } from "./database.ts";
import { EnteringTable } from "./entering-table.ts";
import { GroupRoomsTable } from "./group-rooms-table.ts";
import { HistoryTable } from "./history-table.ts";
import { IdentityTable } from "./identity-table.ts";
import { InvitationsTable, NoticesTable } from "./invitations-table.ts";
import { MessagesTable } from "./messages-table.ts";
import { MissingTable } from "./missing-table.ts";
import { ProofsTable } from "./proofs-table.ts";
import { RequestsTable } from "./requests-table.ts";
import { RoomAsksTable } from "./room-asks-table.ts";
import { RoomsTable } from "./rooms-table.ts";
import { migrate } from "./schema.ts";
import { SharedTable } from "./shared-table.ts";
import { TransportTable } from "./transport-table.ts";
import { VerifiedTable } from "./verified-table.ts";

export interface EngineStore {
  transaction<T>(work: () => T): T;
  /**
   * Within a transaction: runs `then` once that has ended, with whether it was committed. For what lives in memory
   * beside the store and must not run ahead of it.
   */
  afterwards(then: (committed: boolean) => void): void;
  close(): void;
  identity: IdentityTable;
  accounts: AccountsTable;
  requests: RequestsTable;
  rooms: RoomsTable;
  groupRooms: GroupRoomsTable;
  roomAsks: RoomAsksTable;
  branches: BranchesTable;
  entering: EnteringTable;
  messages: MessagesTable;
  history: HistoryTable;
  missing: MissingTable;
  proofs: ProofsTable;
  archive: ArchiveTable;
  transport: TransportTable;
  invitations: InvitationsTable;
  notices: NoticesTable;
  verified: VerifiedTable;
  shared: SharedTable;
}

/** Brings the database to the newest schema. Throws `StoreUnusableError` for one of a newer program. */
export function openEngineStore(db: Database): EngineStore {
  migrate(db);
  return {
    ...transactionsOf(db),
    close: () => db.close(),
    identity: new IdentityTable(db),
    accounts: new AccountsTable(db),
    requests: new RequestsTable(db),
    rooms: new RoomsTable(db),
    groupRooms: new GroupRoomsTable(db),
    roomAsks: new RoomAsksTable(db),
    branches: new BranchesTable(db),
    entering: new EnteringTable(db),
    messages: new MessagesTable(db),
    history: new HistoryTable(db),
    missing: new MissingTable(db),
    proofs: new ProofsTable(db),
    archive: new ArchiveTable(db),
    transport: new TransportTable(db),
    invitations: new InvitationsTable(db),
    notices: new NoticesTable(db),
    verified: new VerifiedTable(db),
    shared: new SharedTable(db),
  };
}

function transactionsOf(db: Database): Pick<EngineStore, "transaction" | "afterwards"> {
  let waiting: ((committed: boolean) => void)[] | undefined;
  const ended = (committed: boolean): void => {
    const all = waiting ?? [];
    waiting = undefined;
    for (const then of all) then(committed);
  };
  return {
    transaction(work) {
      if (waiting !== undefined) return db.transaction(work);
      waiting = [];
      let committed = false;
      try {
        const result = db.transaction(work);
        committed = true;
        return result;
      } finally {
        ended(committed);
      }
    },
    afterwards(then) {
      if (waiting === undefined) throw new Error("assertion: afterwards belongs into a transaction");
      waiting.push(then);
    },
  };
}
