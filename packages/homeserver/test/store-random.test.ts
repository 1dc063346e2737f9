import { expect, test } from "vitest";
import type { AccountId, DeviceId, ServerId } from "@fedchat/protocol";
import type {
  CustodyRow,
  HomeserverStore,
  OutgoingStream,
  RoomLogName,
  StoredState,
  WriteOp,
} from "../src/store/index.ts";
import { put } from "./store-archive-contract.ts";
import { append, room, roomLog } from "./store-room-contract.ts";
import { account, accountRow, bundle, delivery, device, envelope, link, server } from "./store-fixtures.ts";
import { memoryPlace, sqlitePlace } from "./store-places.ts";

const accounts = [0, 1, 2, 3, 4].map(account);
const suites = ["hybrid", "classical"] as const;
const devices = [0, 1, 2].map(device);
const servers = [0, 1, 2].map(server);
const names = ["contacts", "drafts"];

for (const seed of [1, 2, 3]) {
  test(`the stores in memory and on disk stay alike through 200 random transactions, seed ${seed}`, async () => {
    await using memory = memoryPlace();
    await using disk = sqlitePlace();
    const random = generator(seed);
    let [a, b] = [await memory.open(), await disk.open()];
    const known = {
      opened: new Set<AccountId>(),
      outgoing: new Map<string, OutgoingStream & { first: number }>(),
      logs: new Map<string, number>(),
    };
    for (let n = 0; n < 200; n += 1) {
      const ops = Array.from({ length: 1 + random(6) }, () => randomOp(random, known));
      expect(await b.write(ops)).toEqual(await a.write(ops));
      if (n % 25 === 24) expect(await everything(b)).toEqual(await everything(a));
      if (n % 100 === 99) {
        await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
        [a, b] = [await memory.open(), await disk.open()];
      }
    }
    expect(await everything(b)).toEqual(await everything(a));
  });
}

interface Known {
  opened: Set<AccountId>;
  outgoing: Map<string, OutgoingStream & { first: number }>;
  /** Where each room's log ends. */
  logs: Map<string, number>;
}

type Random = (below: number) => number;

function randomOp(random: Random, known: Known): WriteOp {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const some = <T>(from: readonly T[]): T[] => from.filter(() => random(2) === 0);
  const who = pick(accounts);
  if (!known.opened.has(who)) {
    known.opened.add(who);
    const row = { ...accountRow(who, `user${random(100)}`), administrator: random(2) === 0 };
    return { op: "account.open", row, devices: some(devices), incarnation: Uint8Array.of(random(256)) };
  }
  const place = { destination: pick(servers), class: pick(["messages", "bulk"] as const) };
  const at = `${place.destination} ${place.class}`;
  const outgoing = known.outgoing.get(at) ?? { ...place, stream: 1, first: 1, next: 1 };
  const bytes = Uint8Array.of(random(256), random(256));
  switch (random(32)) {
    case 0:
      return { op: "meta.put", key: pick(names), value: bytes };
    case 1:
      return {
        op: "account.record",
        account: who,
        record: bytes,
        handle: `user${random(9)}`,
        devices: some(devices),
      };
    case 2:
      return { op: "account.password", account: who, password: { opaque: bytes, wrappedKey: bytes } };
    case 3:
      return { op: "device.fence", account: who, device: pick(devices), fencing: random(99) };
    case 4:
    case 5:
      return { op: "inbox.acknowledge", account: who, device: pick(devices), position: random(60) };
    case 6:
    case 7:
    case 8:
    case 9:
      return {
        op: "inbox.deliver",
        deliveries: Array.from({ length: 1 + random(3) }, () => randomDelivery(random)),
        above: random(60),
      };
    case 26:
      return { op: "inbox.leap", accounts: some(accounts), above: random(60), by: 1 + random(9) };
    case 27:
    case 28: {
      const name = { room: room(random(2)), hub: pick(servers) };
      const log = `${name.room} ${name.hub}`;
      const [held, count] = [known.logs.get(log) ?? 0, random(3)];
      known.logs.set(log, held + count);
      const at = random(60) + 100 * (held + count);
      const row = roomLog(held + count, { ...name, at, anchor: random(held + count + 1) });
      return append(row, count, pick([undefined, bytes]));
    }
    case 29: {
      const name = { room: room(random(2)), hub: pick(servers) };
      if (random(6) === 0) {
        known.logs.delete(`${name.room} ${name.hub}`);
        return { op: "room.drop", ...name };
      }
      return pick<WriteOp>([
        { op: "room.follow", row: { account: who, ...name, position: random(9) } },
        { op: "room.unfollow", account: who, room: name.room },
        { op: "room.prune", before: random(2_000), limit: random(9) },
      ]);
    }
    case 30:
    case 31: {
      const name = { account: who, device: pick(devices), number: random(3) };
      if (random(3) === 0) return { op: "archive.drop", ...name, numbers: [name.number] };
      return put(name, random(3) * 2, 6, bytes);
    }
    case 10:
      return { op: "inbox.expire", itemsBefore: random(120), idsBefore: random(100) };
    case 11:
    case 12: {
      const rows = Array.from({ length: 1 + random(3) }, (_, n) =>
        bundle(outgoing.next + n, {
          ...place,
          stream: outgoing.stream,
          envelopes: [{ id: envelope(random(60)), from: who }],
        }),
      );
      known.outgoing.set(at, { ...outgoing, next: outgoing.next + rows.length });
      return { op: "outbox.append", rows };
    }
    case 13: {
      const sequence = outgoing.first + random(4) - 1;
      const stream = outgoing.stream + (random(4) === 0 ? 1 : 0);
      const first = Math.max(outgoing.first, Math.min(sequence + 1, outgoing.next));
      if (stream === outgoing.stream && known.outgoing.has(at))
        known.outgoing.set(at, { ...outgoing, first });
      return { op: pick(["outbox.acknowledged", "outbox.expire"]), ...place, stream, sequence };
    }
    case 14: {
      const stream = outgoing.stream + 1 + random(5);
      known.outgoing.set(at, { ...place, stream, first: 1, next: 1 + outgoing.next - outgoing.first });
      return { op: "outbox.restart", ...place, stream };
    }
    case 15:
      if (random(5) === 0) {
        const { destination } = place;
        for (const streamClass of ["messages", "bulk"])
          known.outgoing.delete(`${destination} ${streamClass}`);
        return { op: "stream.forget", server: destination };
      }
      return {
        op: "stream.received",
        row: { source: place.destination, class: place.class, stream: random(9), committed: random(99) },
      };
    case 16:
      return random(3) === 0
        ? { op: "link.delete", server: place.destination }
        : {
            op: "link.put",
            row: link(place.destination, { blocked: random(2) === 0, localName: pick([undefined, "x"]) }),
          };
    case 17:
      if (random(4) === 0) return { op: "record.delete", server: place.destination };
      if (random(3) === 0) {
        return {
          op: "told.put",
          row: { server: place.destination, incarnation: bytes.slice(0, 8), upTo: random(99) },
        };
      }
      return {
        op: "record.put",
        server: place.destination,
        name: "there",
        sequence: random(99),
        record: bytes,
        hops: random(7),
        heardFrom: pick([undefined, place.destination]),
        changed: random(99),
      };
    case 18:
      return {
        op: "keyPackages.put",
        account: who,
        device: pick(devices),
        suite: pick(suites),
        packages: some([bytes, Uint8Array.of(1)]),
        lastResort: pick([undefined, bytes]),
        capability: Uint8Array.of(random(2)),
      };
    case 19:
      return {
        op: "keyPackages.take",
        account: who,
        device: pick(devices),
        suite: pick(suites),
        capability: Uint8Array.of(random(2)),
      };
    case 20:
      return { op: "sealed.put", account: who, row: { name: pick(names), version: 1 + random(4), bytes } };
    case 21:
    case 22:
      return { op: "custody.put", row: randomCustody(random) };
    case 23:
      return pick<WriteOp>([
        {
          op: "custody.taken",
          next: pick(servers),
          source: pick(servers),
          class: "messages",
          stream: random(2),
          upTo: random(6),
        },
        { op: "custody.drop", next: pick(servers), hash: Uint8Array.of(random(9)) },
        {
          op: "custody.handedOn",
          next: pick(servers),
          hash: Uint8Array.of(random(9)),
          until: random(40),
        },
        { op: "custody.passed", next: pick(servers), hash: Uint8Array.of(random(9)) },
        { op: "custody.expire", now: random(40) },
      ]);
    case 24: {
      const sequence = outgoing.first + random(3);
      const receipt = {
        relay: pick(servers),
        hash: bytes,
        taken: random(9),
        until: 99,
        at: random(9),
        path: some(servers),
      };
      return { op: "receipt.put", row: { ...place, stream: outgoing.stream, sequence, ...receipt } };
    }
    default:
      return pick<WriteOp>([
        { op: "custody.source", server: place.destination, sequence: random(9), record: bytes },
        { op: "custody.owe", to: place.destination, receipt: bytes, until: random(60) },
        { op: "custody.paid", to: place.destination, upTo: random(4) },
        { op: "grant.put", account: who, peer: pick(accounts), server: place.destination },
        { op: "grant.delete", account: who, peer: pick(accounts) },
        { op: "block.put", account: who, peer: pick(accounts) },
        { op: "block.delete", account: who, peer: pick(accounts) },
        {
          op: "refusal.put",
          row: {
            account: who,
            envelope: envelope(random(5)),
            server: place.destination,
            code: "blocked",
            at: random(120),
          },
        },
      ]);
  }
}

function randomCustody(random: Random): CustodyRow {
  const pick = () => servers[random(servers.length)]!;
  return {
    ...{
      from: pick(),
      next: pick(),
      source: pick(),
      destination: pick(),
      stream: random(2),
      sequence: random(6),
    },
    class: (["control", "messages", "bulk"] as const)[random(3)]!,
    ...{ created: random(99), taken: random(99), until: random(60), passed: 0 },
    ...{ hash: Uint8Array.of(random(9)), bundle: Uint8Array.of(1, random(9)) },
  };
}

function randomDelivery(random: Random) {
  const to = [...accounts, account(99)].filter(() => random(3) === 0);
  return delivery(random(60), to, { received: random(120), server: servers[random(2)]! });
}

/** All that can be read, in an order that does not depend on the store. */
async function everything(store: HomeserverStore): Promise<unknown> {
  const envelopes = Array.from({ length: 60 }, (_, n) => envelope(n));
  const ofAccounts = accounts.map(async (who) => ({
    state: await store.inboxState(who),
    items: await store.inboxPage(who, 0, 1_000),
    some: await store.inboxPage(who, 5, 3),
    refusals: sorted(await store.refusals(who, envelopes)),
    stocks: await Promise.all(
      devices.flatMap((one: DeviceId) => suites.map((suite) => store.keyPackageCount(who, one, suite))),
    ),
    sealed: sorted(await store.sealedList(who)),
    archive: sorted(await store.archiveList(who)),
    segments: await Promise.all(devices.map((one: DeviceId) => segmentOf(store, who, one))),
    drafts: await store.sealedGet(who, "drafts"),
  }));
  const outboxes = servers.flatMap((to) =>
    (["messages", "bulk"] as const).map((streamClass) => store.outboxPage(to, streamClass, 2, 1_000)),
  );
  return {
    state: sortedState(await store.load()),
    accounts: await Promise.all(ofAccounts),
    outboxes: await Promise.all(outboxes),
    custody: await Promise.all(servers.map((next) => custodyOf(store, next))),
    logs: await Promise.all(
      servers.flatMap((hub) => [0, 1].map((n) => logOf(store, { room: room(n), hub }))),
    ),
    places: sorted((await Promise.all(envelopes.map((one) => store.outboxPlaces(one)))).flat()),
    found: unique(await store.outboxFind(envelopes)),
  };
}

/** Each store hands out pieces of its own length. */
async function segmentOf(store: HomeserverStore, who: AccountId, one: DeviceId): Promise<number[]> {
  const bytes: number[] = [];
  for (;;) {
    const part = await store.archivePart({ account: who, device: one, number: 1 }, bytes.length);
    if (part === undefined) return bytes;
    bytes.push(...part.bytes);
  }
}

async function logOf(store: HomeserverStore, log: RoomLogName): Promise<unknown> {
  return {
    page: await store.roomEntries(log, 2, 12),
    all: await store.roomEntries(log, 0, 1_000_000),
    info: await store.roomInfo(log, 1, 1),
  };
}

async function custodyOf(store: HomeserverStore, next: ServerId): Promise<unknown> {
  return {
    pages: await Promise.all(servers.map((source) => store.custodyPage(next, source, undefined, 1_000))),
    record: await store.custodySource(next),
    owed: await store.custodyOwed(next, 100),
    receipts: await store.receipts(next, "messages", 0, 1_000),
  };
}

function sortedState(state: StoredState): unknown {
  return Object.fromEntries(
    Object.entries(state).map(([name, rows]) => [
      name,
      rows instanceof Map ? rows : sorted(rows as unknown[]),
    ]),
  );
}

const sorted = <T>(rows: T[]): T[] =>
  rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
const unique = (rows: unknown[]): string[] => [...new Set(rows.map((row) => JSON.stringify(row)))].sort();

/** A small seeded generator (mulberry32): the same seed gives the same operations. */
function generator(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
