/**
 * Parts that are wrong in one way each, put in the place of right ones: what the checkers are for. Each must be noticed
 * in one of the first seeds, and for its own reason.
 */
import type { ByteChannel } from "@fedchat/protocol";
import type { RoomCrypto } from "../../packages/engine/src/mls/room-crypto.ts";
import type { Database, SqlValue } from "../../packages/engine/src/store/database.ts";
import type { HomeserverStore, WriteOp, WriteResult } from "../../packages/homeserver/src/store/store.ts";
import { backlog } from "./backlog.ts";
import { crowd } from "./crowd.ts";
import { neverTogether } from "./never-together.ts";
import { restartingRelays } from "./restarting-relays.ts";
import { story } from "./story.ts";
import type { Mutation } from "./surroundings.ts";

export interface Mutant {
  name: string;
  /** What a checker says of it. */
  shows: RegExp;
  mutation: Mutation;
  /** A seed in which it is known to have shown: tried first. Absent: the first. */
  seed?: number;
  /** What happens to it; gives what was wrong. Absent: two people write to each other while everything fails. */
  tell?: (seed: number, mutation: Mutation) => Promise<string[]>;
}

/** Right parts come to rest sooner in nearly every seed. */
const restWithinMs = 600_000;

/** What is wrong where this mutant takes part. */
export function tellOf({ mutation, tell = twoPeople }: Mutant, seed: number): Promise<string[]> {
  return tell(seed, mutation);
}

async function twoPeople(seed: number, mutation: Mutation): Promise<string[]> {
  return (await story({ seed, mutation, restores: false, restWithinMs })).wrong;
}

/** In a chain some homeservers are strangers to each other. */
async function fourInAChain(seed: number, mutation: Mutation): Promise<string[]> {
  const network = { homeservers: 4, topology: "chain" } as const;
  return (await story({ seed, mutation, network, messages: 30, restores: false, restWithinMs })).wrong;
}

async function withoutEngines(seed: number, mutation: Mutation): Promise<string[]> {
  return (await crowd({ seed, homeservers: 3, envelopes: 60, faultsForMs: 20_000, mutation })).wrong;
}

/** One relay, and two people who are never online together. */
async function asleepInTurns(seed: number, mutation: Mutation): Promise<string[]> {
  return (await neverTogether({ seed, relays: 1, mutation, rounds: 4 })).wrong;
}

/** How long the forgetful disk keeps what it has answered for. */
const syncEveryMs = 2_000;
const unsyncedTransactions = 12;
const lost = /never got|does not come to rest|is told of/;

export const mutants: Mutant[] = [
  {
    name: "a homeserver that acknowledges before it commits",
    shows: lost,
    mutation: { syncEveryMs },
  },
  {
    name: "a homeserver that forgets which envelopes it delivered",
    seed: 5,
    shows: /put an envelope into an inbox twice/,
    mutation: { store: (store) => rewriting(store, { before: forgetDeliveries }) },
  },
  {
    name: "a homeserver that loses its outbox when it ends",
    seed: 4,
    shows: lost,
    mutation: { store: (store) => withoutEarlierBundles(store) },
  },
  {
    name: "a homeserver that never sends a bundle again",
    shows: lost,
    mutation: { store: (store) => ({ ...store, outboxPage: async () => [] }) },
  },
  {
    name: "a homeserver that keeps what was acknowledged",
    shows: /bundles wait/,
    mutation: { store: (store) => rewriting(store, { change: keepAcknowledged }) },
  },
  {
    name: "a homeserver that delivers envelopes of one bundle in another order",
    // Engines put what they show into its sender's order themselves.
    shows: /got in another order/,
    mutation: { store: (store) => reordering(store) },
    tell: withoutEngines,
  },
  {
    name: "a homeserver that shows its people to whoever linked it",
    shows: /a stranger$/,
    mutation: { store: (store) => linkingBack(store) },
    tell: fourInAChain,
  },
  {
    name: "a relay that loses what it has in custody",
    shows: /never got/,
    mutation: { store: (store) => withoutCustody(store) },
    tell: asleepInTurns,
  },
  {
    name: "a relay that sends bundles in a circle",
    shows: /was handed a bundle again/,
    mutation: { store: (store) => turningRound(store) },
    tell: restartingRelays,
  },
  {
    name: "a homeserver that does not look how much is under way on a link",
    shows: /bytes were under way/,
    mutation: { linkChannel: (channel) => seeminglyEmpty(channel) },
    tell: backlog,
  },
  {
    name: "an engine whose disk loses its last transactions in a crash",
    seed: 3,
    shows: /a key was used twice|which it acknowledged|never got|does not come to rest/,
    mutation: {
      database: (database) => new UnsyncedDatabase(database),
      crashed: (database) => {
        if (database instanceof UnsyncedDatabase) database.crash();
      },
    },
  },
  {
    name: "an engine that does not keep the state which it sealed with",
    shows: /a key was used twice/,
    mutation: { groups: withoutProgress },
  },
  {
    name: "an engine that sends in the clear",
    shows: /message's text/,
    mutation: { unveiled: true },
  },
];

type Rewrite = {
  /** Operations of its own, before all others. */
  before?: (ops: WriteOp[]) => WriteOp[];
  change?: (op: WriteOp) => WriteOp;
};

function rewriting(
  store: HomeserverStore,
  { before = () => [], change = (op) => op }: Rewrite,
): HomeserverStore {
  return {
    ...store,
    write: async (ops) => {
      const first = before(ops);
      const results = await store.write([...first, ...ops.map(change)]);
      return results.slice(first.length);
    },
  };
}

function forgetDeliveries(ops: WriteOp[]): WriteOp[] {
  const delivers = ops.some(({ op }) => op === "inbox.deliver");
  return delivers ? [{ op: "inbox.expire", itemsBefore: 0, idsBefore: Number.MAX_SAFE_INTEGER }] : [];
}

function keepAcknowledged(op: WriteOp): WriteOp {
  return op.op === "outbox.acknowledged" ? { op: "inbox.expire", itemsBefore: 0, idsBefore: 0 } : op;
}

function withoutEarlierBundles(store: HomeserverStore): HomeserverStore {
  const written = new Set<string>();
  const keyOf = ({ stream, sequence }: { stream: number; sequence: number }) => `${stream} ${sequence}`;
  return {
    ...store,
    write: (ops) => {
      for (const op of ops) if (op.op === "outbox.append") for (const row of op.rows) written.add(keyOf(row));
      return store.write(ops);
    },
    outboxPage: async (...asked) =>
      (await store.outboxPage(...asked)).filter((row) => written.has(keyOf(row))),
  };
}

function reordering(store: HomeserverStore): HomeserverStore {
  const turned = (op: WriteOp): WriteOp =>
    op.op === "inbox.deliver" ? { ...op, deliveries: op.deliveries.toReversed() } : op;
  const turnedBack = (result: WriteResult): WriteResult =>
    result.op === "inbox.deliver" ? { ...result, deliveries: result.deliveries.toReversed() } : result;
  return { ...store, write: async (ops) => (await store.write(ops.map(turned))).map(turnedBack) };
}

/** Once it is started again it takes everybody who linked it for linked from here. */
function linkingBack(store: HomeserverStore): HomeserverStore {
  return {
    ...store,
    load: async () => {
      const state = await store.load();
      return { ...state, links: state.links.map((link) => ({ ...link, linkedByUs: true })) };
    },
  };
}

/** Says that it has what it is handed, and has nothing. */
function withoutCustody(store: HomeserverStore): HomeserverStore {
  return {
    ...store,
    write: async (ops) => {
      const kept = ops.filter(({ op }) => op !== "custody.put");
      const results = (await store.write(kept)).values();
      return ops.map(({ op }): WriteResult =>
        op === "custody.put" ? { op: "custody", gone: [] } : results.next().value!,
      );
    },
  };
}

/** Hands what its source brought to another relay, and what a relay brought back to that. */
function turningRound(store: HomeserverStore): HomeserverStore {
  const turned = async (op: WriteOp): Promise<WriteOp> => {
    if (op.op !== "custody.put") return op;
    const { from, source, destination } = op.row;
    const { links } = await store.load();
    const other = links.find(({ server }) => server !== source && server !== destination)?.server;
    const next = from === source ? other : from;
    return next === undefined ? op : { ...op, row: { ...op.row, next } };
  };
  return { ...store, write: async (ops) => store.write(await Promise.all(ops.map(turned))) };
}

function seeminglyEmpty(channel: ByteChannel): ByteChannel {
  return {
    get onMessage() {
      return channel.onMessage;
    },
    set onMessage(heard) {
      channel.onMessage = heard;
    },
    get onClose() {
      return channel.onClose;
    },
    set onClose(heard) {
      channel.onClose = heard;
    },
    send: (frame) => channel.send(frame),
    bufferedBytes: () => 0,
    close: (reason) => channel.close(reason),
  };
}

function withoutProgress(groups: RoomCrypto): RoomCrypto {
  const encrypt = groups.encrypt.bind(groups);
  return Object.assign(groups, {
    encrypt: ((state, plaintext, authenticatedData) => ({
      ...encrypt(state, plaintext, authenticatedData),
      state,
    })) satisfies RoomCrypto["encrypt"],
  });
}

/** A disk that answers before it has synced: a crash takes back what it did since it last did. */
class UnsyncedDatabase implements Database {
  readonly #database: Database;
  #unsynced = 0;
  #inside = false;

  constructor(database: Database) {
    this.#database = database;
    database.exec("BEGIN");
  }

  crash(): void {
    this.#database.exec("ROLLBACK");
    this.#database.exec("BEGIN");
    this.#unsynced = 0;
  }

  run(sql: string, ...values: SqlValue[]): { changes: number } {
    return this.#counted(() => this.#database.run(sql, ...values));
  }

  get<Row extends object>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#database.get<Row>(sql, ...values);
  }

  all<Row extends object>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#database.all<Row>(sql, ...values);
  }

  exec(sql: string): void {
    this.#counted(() => this.#database.exec(sql));
  }

  transaction<T>(work: () => T): T {
    return this.#counted(() => this.#database.transaction(work));
  }

  emptyLog(): boolean {
    return this.#database.emptyLog();
  }

  close(): void {
    this.#database.close();
  }

  #counted<T>(work: () => T): T {
    if (this.#inside) return work();
    this.#inside = true;
    try {
      return work();
    } finally {
      this.#inside = false;
      this.#unsynced += 1;
      if (this.#unsynced === unsyncedTransactions) {
        this.#database.exec("COMMIT");
        this.#database.exec("BEGIN");
        this.#unsynced = 0;
      }
    }
  }
}
