/** The inbox by itself: order, repetition, faults, and what does not fit into memory. */
import type { ClientParams, InboxItem } from "@fedchat/protocol";
import { accountId, envelopeId, ProtocolError, serverId } from "@fedchat/protocol";
import { nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import { Changes } from "../src/core/changes.ts";
import type { InboxPorts, ItemHandler } from "../src/core/inbox.ts";
import { Inbox } from "../src/core/inbox.ts";
import { inboxWaitingItemsMax, seenPruneEveryItems } from "../src/core/limits.ts";
import { silentLog } from "../src/core/log.ts";
import { Notices } from "../src/core/notices.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";

const incarnation = random.bytes(16);
const from = accountId.fromBytes(random.bytes(32));
const server = serverId.fromBytes(random.bytes(32));

function item(position: number, id = envelopeId.fromBytes(random.bytes(16))): InboxItem {
  const payload = new Uint8Array([position % 256]);
  return { position, received: 0, server, from, id, kind: "room", created: 0, payload };
}

/** An inbox on a real store, whose handler notes what was committed. */
function inboxWith(
  prepare: (item: InboxItem) => void = () => undefined,
  time = { now: 1 },
  between: () => void = () => undefined,
) {
  const store = openEngineStore(openSqliteDatabase(":memory:"));
  const soon = (run: () => void) => {
    between();
    run();
  };
  const clock = { now: () => time.now, after: () => ({ cancel() {} }), soon };
  const committed: number[] = [];
  const acknowledged: number[] = [];
  const subscribed: number[] = [];
  const handler: ItemHandler = {
    prepare: (one) => {
      prepare(one);
      return () => committed.push(one.position);
    },
  };
  const changes = new Changes({ clock, log: silentLog });
  const inbox = new Inbox({
    ...{ store, clock, log: silentLog, after() {} },
    notices: new Notices({ store, clock, changes }),
    homeserver: {
      state: { kind: "connected" },
      acknowledge: (position) => acknowledged.push(position),
      request: async (_method: string, params: unknown) => {
        subscribed.push((params as ClientParams<"inbox.subscribe">).position);
        return { outcome: "ok", inbox: { incarnation, floor: 0, head: 0, cursor: 0 } };
      },
    } as InboxPorts["homeserver"],
    handlers: { note: handler, room: handler },
  });
  const opened = inbox.open({ incarnation, floor: 0, head: 0, cursor: 0 });
  const idle = async () => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { store, inbox, opened, idle, committed, acknowledged, subscribed };
}

test("[H6] items are committed in order with the cursor, and acknowledged after it", async () => {
  const { store, inbox, idle, committed, acknowledged } = inboxWith();
  inbox.take([item(1), item(2)]);
  inbox.take([item(3)]);
  await idle();
  expect(committed).toEqual([1, 2, 3]);
  expect(acknowledged.at(-1)).toBe(3);
  expect(store.transport.cursor()).toEqual({ incarnation, position: 3 });
});

test("[H6] an item that comes again does nothing, and is acknowledged again", async () => {
  const { inbox, idle, committed, acknowledged } = inboxWith();
  const twice = item(1);
  inbox.take([twice]);
  await idle();
  inbox.take([twice, item(2, twice.id)]);
  await idle();
  expect(committed).toEqual([1]);
  expect(acknowledged).toEqual([1, 2]);
});

test("[V4] an envelope that comes again within 35 days does nothing", async () => {
  const time = { now: 1 };
  const { inbox, idle, committed } = inboxWith(undefined, time);
  const once = item(1);
  inbox.take([once]);
  await idle();
  time.now += 35 * 86_400_000;
  // Enough of them that old ids are forgotten meanwhile.
  const others = Array.from({ length: seenPruneEveryItems + 2 }, (_, index) => item(index + 2));
  inbox.take(others);
  while (committed.length <= others.length) await idle();
  inbox.take([item(others.length + 2, once.id)]);
  await idle();
  expect(committed).toHaveLength(others.length + 1);
});

test("an item that cannot be used is passed over; one that fails here is passed over and said", async () => {
  const { store, inbox, idle, committed } = inboxWith(({ position }) => {
    if (position === 1) throw new ProtocolError("malformed");
    if (position === 3) throw new Error("a mistake of ours");
  });
  inbox.take([item(1), item(2)]);
  await idle();
  expect(store.notices.list()).toEqual([]);
  inbox.take([item(3), item(4)]);
  await idle();
  expect(committed).toEqual([2, 4]);
  expect(store.transport.cursor()?.position).toBe(4);
  expect(store.notices.list()).toHaveLength(1);
});

test("more than fits into memory is asked for again once the first part is done", async () => {
  const { inbox, idle, opened, committed, subscribed } = inboxWith();
  await opened;
  inbox.take(Array.from({ length: inboxWaitingItemsMax + 10 }, (_, index) => item(index + 1)));
  inbox.take([item(inboxWaitingItemsMax + 11)]);
  while (subscribed.length === 1) await idle();
  expect(committed.at(-1)).toBe(inboxWaitingItemsMax);
  expect(subscribed).toEqual([0, inboxWaitingItemsMax]);
  inbox.take([item(inboxWaitingItemsMax + 1)]);
  await idle();
  expect(committed.at(-1)).toBe(inboxWaitingItemsMax + 1);
});

test("[H7] what still waits when a session of another inbox opens is left to that one", async () => {
  let reopened: Promise<void> | undefined;
  const between = () => (reopened ??= inbox.open({ incarnation, floor: 0, head: 1, cursor: 0 }));
  const { inbox, idle, opened, committed, acknowledged } = inboxWith(undefined, { now: 1 }, between);
  await opened;
  const waiting = item(901);
  inbox.take([item(900), waiting]);
  await idle();
  // Neither committed at the old inbox's position nor acknowledged to the new session, to which it was never pushed.
  expect(committed).toEqual([900]);
  expect(acknowledged).toEqual([]);

  inbox.take([{ ...waiting, position: 1 }]);
  await idle();
  expect(committed).toEqual([900, 1]);
  expect(acknowledged).toEqual([1]);
});
