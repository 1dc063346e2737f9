/** Coming into a room by a link: asked and let in by a person, or at once; by others where the link's maker is away. */
import {
  accountId,
  encode,
  envelopeId,
  formatInvitationLink,
  invitation,
  parseInvitationLink,
  requestId,
  roomId as roomIds,
  serverId,
} from "@fedchat/protocol";
import { expect, test } from "vitest";
import { ManualClock } from "../../protocol/test/manual-clock.ts";
import { causeOfCode } from "../src/core/causes.ts";
import { Changes } from "../src/core/changes.ts";
import { silentLog } from "../src/core/log.ts";
import { recordOutcome } from "../src/core/outcomes.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { InProcessDirectory } from "./in-process-directory.ts";
import { openMigratedDatabase } from "./migrated-database.ts";
import { group } from "./room-scene.ts";
import type { Person } from "./world.ts";
import { World } from "./world.ts";

/** Alice has a room; nobody else's server knows hers. */
async function hosting(world: World, joining: "invited" | "approval" | "open") {
  const alice = await (await world.home("alice.example")).person("Alice");
  const { roomId } = await alice.call("rooms.create", { name: "Hiking", people: [] });
  await world.until(
    async () => (await room(alice, roomId)).group?.underway.length === 0,
    "the room's log to begin",
  );
  if (joining !== "invited") await setJoining(alice, roomId, joining);
  return { alice, roomId };
}

async function setJoining(owner: Person, roomId: string, joining: "invited" | "approval" | "open") {
  await owner.call("rooms.setRules", { roomId, joining });
  await owner.home.world.until(
    async () => (await room(owner, roomId)).group?.joining === joining,
    `a room that is ${joining}`,
  );
}

async function stranger(world: World, name: string): Promise<Person> {
  return (await world.home(`${name.toLowerCase()}.example`)).person(name);
}

const room = (person: Person, roomId: string) => person.call("rooms.get", { roomId });

async function linkOf(maker: Person, roomId: string, more: { uses?: number; expiresInMs?: number } = {}) {
  const made = await maker.call("rooms.createLink", { roomId, ...more });
  return { ...made, link: made.link! };
}

async function comesIn(person: Person, roomId: string): Promise<void> {
  await person.home.world.until(
    async () =>
      (await person.call("rooms.list", {})).some((one) => one.roomId === roomId && one.state === "open"),
    "to be in the room",
  );
}

async function waiting(person: Person) {
  return (await person.call("rooms.asks", {})).filter(
    ({ direction, state }) => direction === "incoming" && state === "pending",
  );
}

async function texts(person: Person, roomId: string): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 100 });
  return messages
    .filter(({ kind }) => kind === "text")
    .map(({ text, senderName }) => `${senderName}: ${text}`);
}

async function sees(person: Person, roomId: string, text: string): Promise<void> {
  await person.home.world.until(
    async () => (await texts(person, roomId)).includes(text),
    `'${text}', seeing '${(await texts(person, roomId)).join(", ")}'`,
  );
}

/** Bob is a contact of Alice's, and a moderator of her room. */
async function withModerator(world: World, alice: Person, roomId: string): Promise<Person> {
  const bob = await stranger(world, "Bob");
  await alice.link(bob);
  await alice.call("requests.send", { who: await bob.account(), text: "" });
  const { requestId } = await bob.request("pending");
  await bob.call("requests.accept", { requestId });
  await alice.pair();
  await world.pass(500);
  await alice.call("rooms.invite", { roomId, who: await bob.account(), role: "moderator" });
  await world.until(
    async () => (await bob.call("rooms.list", {})).some((one) => one.state === "invited"),
    "Bob to be asked",
  );
  await bob.call("rooms.join", { roomId });
  await world.pass(2_000);
  return bob;
}

test("[I7] [I8] [I9] a stranger asks by a link, sees nothing of the room before somebody says yes, and talks in it then", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "approval");
  const bob = await withModerator(world, alice, roomId);
  await alice.call("messages.send", { roomId, text: "before Carol" });
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  expect(await carol.call("invitations.inspect", { link })).toMatchObject({
    displayName: "Alice",
    room: { roomId, name: "Hiking" },
  });
  expect(await carol.failure("invitations.accept", { link })).toBe("room-link");
  expect(await carol.call("rooms.ask", { link })).toMatchObject({
    direction: "outgoing",
    state: "pending",
    roomName: "Hiking",
    displayName: "Alice",
  });
  const [ask] = await world.until(async () => {
    const asks = await waiting(alice);
    return asks.length > 0 && asks;
  }, "Carol to ask");
  expect(ask).toMatchObject({ displayName: "Carol", roomId, serverId: carol.home.id });
  expect((await room(alice, roomId)).group).toMatchObject({ asking: 1, people: 2 });
  expect((await alice.call("engine.status", {})).counts.requests).toBe(1);
  // Bob may let people in, too, and is asked as well.
  await world.until(async () => (await waiting(bob)).length === 1, "Bob to be asked");
  expect(await carol.call("contacts.list", {})).toEqual([]);
  expect((await carol.call("rooms.list", {})).map(({ kind }) => kind)).toEqual(["notes"]);

  await alice.call("rooms.admit", { askId: ask!.askId });
  await comesIn(carol, roomId);
  await carol.call("messages.send", { roomId, text: "hello all" });
  await sees(alice, roomId, "Carol: hello all");
  await sees(bob, roomId, "Carol: hello all");
  await bob.call("messages.send", { roomId, text: "welcome" });
  await sees(carol, roomId, "Bob: welcome");
  expect(await texts(carol, roomId)).not.toContain("Alice: before Carol");
  expect(await carol.call("rooms.asks", {})).toMatchObject([{ state: "admitted" }]);
  // Whoever is in asks nobody any more.
  expect(await waiting(bob)).toEqual([]);
  expect(await bob.failure("rooms.admit", { askId: ask!.askId })).toBe("request-settled");
  expect(await carol.failure("rooms.ask", { link })).toBe("in-room");
});

test("[I9] into an open room a link leads at once; declining is silent, and an ask can be taken back", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "approval");
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  const { askId } = await carol.call("rooms.ask", { link });
  await world.until(async () => (await waiting(alice)).length === 1, "Carol to ask");
  // The same ask again is that one.
  expect((await carol.call("rooms.ask", { link })).askId).toBe(askId);
  await alice.call("rooms.declineAsk", { askId });
  await world.pass(3_000);
  expect(await carol.call("rooms.asks", {})).toMatchObject([{ askId, state: "pending", cause: null }]);
  expect(await alice.failure("rooms.admit", { askId })).toBe("request-settled");
  await carol.call("rooms.withdrawAsk", { askId });

  const again = await carol.call("rooms.ask", { link });
  await world.until(async () => (await waiting(alice)).length === 1, "Carol to ask again");
  await carol.call("rooms.withdrawAsk", { askId: again.askId });
  await world.until(async () => (await waiting(alice)).length === 0, "the ask to be gone");

  await setJoining(alice, roomId, "open");
  await carol.call("rooms.ask", { link });
  await comesIn(carol, roomId);
  await alice.call("messages.send", { roomId, text: "that was quick" });
  await sees(carol, roomId, "Alice: that was quick");
});

test("[O8] two strangers in a room, whose servers never met, are told by its hub where the other is", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link });
  await comesIn(carol, roomId);
  const dave = await stranger(world, "Dave");
  await dave.call("rooms.ask", { link });
  await comesIn(dave, roomId);
  await dave.call("messages.send", { roomId, text: "hello Carol" });
  await sees(carol, roomId, "Dave: hello Carol");
  await carol.call("messages.send", { roomId, text: "hello Dave" });
  await sees(dave, roomId, "Carol: hello Dave");
});

test("[I10] while a link's maker is away another who may lets people in", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const bob = await withModerator(world, alice, roomId);
  const { link } = await linkOf(alice, roomId);
  await world.pass(1_000);
  await alice.close();
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link });
  await comesIn(carol, roomId);
  await carol.call("messages.send", { roomId, text: "is anybody here?" });
  await sees(bob, roomId, "Carol: is anybody here?");
  alice.open();
  await sees(alice, roomId, "Carol: is anybody here?");
  await world.until(async () => (await room(alice, roomId)).group?.people === 3, "Alice to follow");
  expect(await waiting(alice)).toEqual([]);
  await world.until(
    async () => (await room(alice, roomId)).group?.underway.length === 0,
    "nothing under way",
  );
});

test("[I10] a link with a number of uses is answered by its maker alone, so often and no more", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const bob = await withModerator(world, alice, roomId);
  const made = await linkOf(alice, roomId, { uses: 1 });
  expect(parseInvitationLink(made.link).room?.also.filter(({ account }) => account !== null)).toEqual([]);
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link: made.link });
  await comesIn(carol, roomId);
  expect(await alice.call("rooms.links", { roomId })).toMatchObject([
    { usesLeft: 0, state: "used", link: null },
  ]);
  const dave = await stranger(world, "Dave");
  await dave.call("rooms.ask", { link: made.link });
  await world.pass(5_000);
  expect(await dave.call("rooms.asks", {})).toMatchObject([{ state: "pending" }]);
  expect([...(await waiting(alice)), ...(await waiting(bob))]).toEqual([]);
});

test("[I9] a revoked, expired or forged link, and any link into a room for the invited, is passed over in silence", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const revoked = await linkOf(alice, roomId);
  const short = await linkOf(alice, roomId, { expiresInMs: 60_000 });
  const good = await linkOf(alice, roomId);
  await alice.call("rooms.revokeLink", { linkId: revoked.linkId });
  const parsed = parseInvitationLink(good.link);
  const forged = formatInvitationLink("https://alice.example", { ...parsed, secret: new Uint8Array(16) });
  const carol = await stranger(world, "Carol");
  const tries = async (link: string) => {
    const { askId } = await carol.call("rooms.ask", { link });
    await world.pass(3_000);
    expect(await waiting(alice)).toEqual([]);
    expect((await room(alice, roomId)).group?.people).toBe(1);
    await carol.call("rooms.withdrawAsk", { askId });
  };
  await tries(revoked.link);
  await tries(forged);
  await world.pass(60_000);
  // Who follows an expired link is told so at once; whoever pretends it is not gets no further.
  expect(await carol.failure("rooms.ask", { link: short.link })).toBe("expired");
  const stretched = { ...parseInvitationLink(short.link), expires: world.clock.now() + 60_000 };
  await tries(formatInvitationLink("https://alice.example", stretched));
  await setJoining(alice, roomId, "invited");
  await tries(good.link);
  expect(await alice.failure("rooms.createLink", { roomId })).toBe("room-invited-only");
  expect(await alice.failure("rooms.ask", { link: good.link })).toBe("own-invitation");
  expect(await carol.failure("rooms.ask", { link: "https://alice.example/i#oA" })).toBe("bad-invitation");
});

test("[I9] [W3] whoever was removed comes back by an open link, whoever was banned does not", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link });
  await comesIn(carol, roomId);
  const account = await carol.account();
  const isOut = async () => (await room(carol, roomId)).state === "closed";
  await alice.call("rooms.remove", { roomId, account });
  await world.until(isOut, "Carol to be out");
  await carol.call("rooms.ask", { link });
  await comesIn(carol, roomId);
  await alice.call("messages.send", { roomId, text: "again" });
  await sees(carol, roomId, "Alice: again");

  await alice.call("rooms.remove", { roomId, account, ban: true });
  await world.until(isOut, "Carol to be out");
  await carol.call("rooms.ask", { link });
  await world.pass(5_000);
  expect(await isOut()).toBe(true);
  expect((await room(alice, roomId)).group).toMatchObject({ people: 1, asking: 0 });
  expect(await waiting(alice)).toEqual([]);
});

test("[I11] whoever was asked takes us into that room and into no other", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "approval");
  const bob = await withModerator(world, alice, roomId);
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link });
  await world.until(async () => (await waiting(bob)).length === 1, "Bob to be asked");
  const { roomId: other } = await bob.call("rooms.create", { name: "A trap", people: [] });
  await world.pass(1_000);
  // Bob takes the key packages that came for one room into another.
  bob.database.run("UPDATE roomAsks SET room = ?, state = 'admitted' WHERE direction = 'incoming'", other);
  await bob.restart();
  await world.until(async () => (await room(bob, other)).group?.people === 2, "Bob's trap to be laid");
  await world.pass(3_000);
  expect((await carol.call("rooms.list", {})).map(({ kind }) => kind)).toEqual(["notes"]);
  expect(await carol.call("rooms.asks", {})).toMatchObject([{ state: "pending" }]);
});

test("[I9] an engine that stops between an ask and its admission lets in when it goes on", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "open");
  const { link } = await linkOf(alice, roomId);
  await alice.close();
  const carol = await stranger(world, "Carol");
  await carol.call("rooms.ask", { link });
  await world.pass(1_000);
  alice.open();
  await world.until(
    async () => (await alice.call("rooms.asks", {})).some(({ state }) => state === "admitted"),
    "Alice to have read it",
  );
  await alice.restart();
  await comesIn(carol, roomId);
});

/** Carol asks until Alice's server takes no more from hers for now; the last ask waits, refused. */
async function askTooOften(world: World, carol: Person, link: string): Promise<string> {
  for (let tries = 0; tries < 30; tries++) {
    const { askId } = await carol.call("rooms.ask", { link });
    await world.until(() => underWay(carol, askId) === 0, "the ask to be answered for");
    const [ask] = await carol.call("rooms.asks", {});
    if (ask?.cause?.code === "rate-limited") return askId;
    await carol.call("rooms.withdrawAsk", { askId });
  }
  throw new Error("Alice's server has no limit");
}

function underWay({ database }: Person, askId: string): number {
  return database.all("SELECT 1 FROM outgoing WHERE subject = ?", askId).length;
}

/** In long steps. */
async function passMinutes(world: World, minutes: number): Promise<void> {
  for (let second = 0; second < minutes * 60; second++) await world.clock.step(1_000);
}

test("[I8] an ask that the asked server refused for now is sent again by itself, also after a restart, and leads in", async () => {
  await using world = new World();
  const { alice, roomId } = await hosting(world, "approval");
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  const askId = await askTooOften(world, carol, link);
  await setJoining(alice, roomId, "open");
  await carol.restart();
  await passMinutes(world, 10);
  await comesIn(carol, roomId);
  expect(await carol.call("rooms.asks", {})).toContainEqual(
    expect.objectContaining({ askId, state: "admitted", cause: null }),
  );
  const often = "SELECT sentAgain FROM roomAsks WHERE id = ?";
  expect(carol.database.get<{ sentAgain: number }>(often, askId)!.sentAgain).toBeGreaterThan(0);
});

test("[I8] asking by hand once more sends at once what was refused for now; what was withdrawn is not sent again", async () => {
  await using world = new World();
  const { alice, roomId } = await hosting(world, "approval");
  const { link } = await linkOf(alice, roomId);
  const carol = await stranger(world, "Carol");
  const askId = await askTooOften(world, carol, link);
  const before = (await waiting(alice)).map((ask) => ask.askId);
  expect((await carol.call("rooms.ask", { link })).askId).toBe(askId);
  const isAnswered = () => underWay(carol, askId) === 0;
  const sent = "SELECT outcome FROM roomAsked WHERE ask = ?";
  expect(carol.database.all(sent, askId)).toEqual([{ outcome: null }]);
  await world.until(isAnswered, "another refusal");
  expect(carol.database.all(sent, askId)).toEqual([{ outcome: "later" }]);

  await carol.call("rooms.withdrawAsk", { askId });
  await passMinutes(world, 20);
  expect(carol.database.get("SELECT sentAgain FROM roomAsks WHERE id = ?", askId)).toEqual({ sentAgain: 0 });
  expect((await waiting(alice)).map((ask) => ask.askId)).toEqual(before);
  // There was room for it by then.
  const { askId: later } = await carol.call("rooms.ask", { link });
  await world.until(async () => (await waiting(alice)).some((ask) => ask.askId === later), "a new ask");
});

const forNow = { kind: "failed", cause: causeOfCode("rate-limited") } as const;
const forGood = { kind: "failed", cause: causeOfCode("not-allowed") } as const;
const arrived = { kind: "forwarded" } as const;

test.each([
  ["refused for now by all who were asked", [forNow, forNow], true],
  ["refused for now by one and for good by another", [forNow, forGood], true],
  ["refused for good by all", [forGood, forGood], false],
  ["refused for now by one, while it arrived at another", [forNow, arrived], false],
  ["refused for now by one, while it is under way to another", [forNow], false],
])(
  "[I8] only what arrived nowhere and was refused for now is sent again, not for good: an ask %s",
  (_how, outcomes, isSentAgain) => {
    const store = openEngineStore(openMigratedDatabase(":memory:"));
    const clock = new ManualClock(0);
    const id = requestId.fromBytes(new Uint8Array(16));
    const [maker, other] = [1, 2].map((byte) => accountId.fromBytes(new Uint8Array(32).fill(byte)));
    store.roomAsks.insert({
      ...{ id, direction: "outgoing", room: roomIds.fromBytes(new Uint8Array(16)), roomName: "Hiking" },
      ...{ account: maker!, server: serverId.fromBytes(new Uint8Array(32)), createdAt: 0, state: "pending" },
      ...{ cause: null, link: "aa", keyPackages: null, proof: new Uint8Array(32), sentAgain: 0 },
    });
    const rows = [maker!, other!].map((account, at) => {
      store.roomAsks.addAsked(id, account);
      const envelope = envelopeId.fromBytes(new Uint8Array(16).fill(at));
      store.transport.enqueue({
        ...{ envelope, kind: "request", created: 0, server: serverId.fromBytes(new Uint8Array(32)) },
        ...{ accounts: [account], lane: account, payload: new Uint8Array(1), grantFirst: 1 },
        ...{ purpose: "request", subject: id },
      });
      return store.transport.byEnvelope(envelope)!;
    });
    for (const [at, outcome] of outcomes.entries()) {
      recordOutcome(store, new Changes({ clock, log: silentLog }), rows[at]!, outcome, 0);
      store.transport.delete(rows[at]!.seq);
    }
    expect(store.roomAsks.refusedForNow().map((ask) => ask.id)).toEqual(isSentAgain ? [id] : []);
    store.close();
  },
);

test("[I12] [I13] a listed room is seen on linked servers alone, as it is, and joined from there; owners take it back", async () => {
  await using world = new World("real");
  const { alice, roomId } = await hosting(world, "approval");
  const bob = await stranger(world, "Bob");
  await alice.link(bob);
  const carol = await stranger(world, "Carol");
  expect(await bob.call("rooms.listed", {})).toEqual([]);
  const listed = await alice.call("rooms.setListing", { roomId, description: "Hills, on Sundays." });
  expect(listed.group?.listing).toBe("Hills, on Sundays.");
  const seen = await world.until(async () => {
    await world.pass(11_000);
    const [one] = await bob.call("rooms.listed", {});
    return one;
  }, "Bob to see it");
  expect(seen).toMatchObject({
    ...{ roomId, name: "Hiking", description: "Hills, on Sundays.", people: 1, open: false },
    ...{ serverId: alice.home.id, ownerName: "Alice", standing: "none" },
  });
  expect(await carol.call("rooms.listed", {})).toEqual([]);
  await bob.call("rooms.ask", { link: seen.link });
  expect(await bob.call("rooms.listed", {})).toMatchObject([{ standing: "asked" }]);
  const [ask] = await world.until(async () => {
    const asks = await waiting(alice);
    return asks.length > 0 && asks;
  }, "Bob to ask");
  await alice.call("rooms.admit", { askId: ask!.askId });
  await comesIn(bob, roomId);
  // As it is now.
  await alice.call("rooms.rename", { roomId, name: "Climbing" });
  await setJoining(alice, roomId, "open");
  await world.pass(11_000);
  expect(await bob.call("rooms.listed", {})).toMatchObject([
    { name: "Climbing", people: 2, open: true, standing: "in" },
  ]);
  expect(await bob.failure("rooms.setListing", { roomId, description: "Mine now." })).toBe("room-rule");
  await alice.restart();
  await world.pass(11_000);
  expect(await bob.call("rooms.listed", {})).toHaveLength(1);

  // Where nobody comes in who asks, there is nothing to see; and its link opens nothing any more.
  await setJoining(alice, roomId, "invited");
  await world.pass(11_000);
  expect(await bob.call("rooms.listed", {})).toEqual([]);
  expect((await room(alice, roomId)).group?.listing).toBeNull();
  expect(await alice.failure("rooms.setListing", { roomId, description: "Again." })).toBe(
    "room-invited-only",
  );
  await setJoining(alice, roomId, "open");
  await carol.call("rooms.ask", { link: seen.link });
  await world.pass(3_000);
  expect((await room(alice, roomId)).group).toMatchObject({ people: 2, asking: 0 });

  await alice.call("rooms.setListing", { roomId, description: "Again." });
  await alice.call("rooms.setListing", { roomId, description: null });
  await world.pass(11_000);
  expect(await bob.call("rooms.listed", {})).toEqual([]);
});

test("[D8] [I9] whoever registered with a directory sees its lobby, whose people they never met, and joins it", async () => {
  await using world = new World();
  const olga = await (await world.home("olga.example")).person("Olga");
  const { roomId } = await olga.call("rooms.create", { name: "Lobby", people: [] });
  await olga.call("rooms.setRules", { roomId, joining: "open" });
  await world.until(async () => (await group(olga)).group?.joining === "open", "the room to be open");
  const { link } = await olga.call("rooms.createLink", { roomId });
  await using directory = await InProcessDirectory.start(
    world.clock,
    "directory.example",
    encode(invitation, parseInvitationLink(link!)),
  );
  world.directory = directory;
  const carol = await (await world.home("carol.example")).person("Carol");
  const [lobby] = await world.until(async () => {
    const rooms = await carol.call("rooms.listed", {});
    return rooms.length === 1 && rooms;
  }, "the lobby");
  expect(lobby).toMatchObject({
    ...{ name: "Lobby", lobby: "directory.example", open: true, people: 0, standing: "none" },
    ownerName: "Olga",
  });
  await carol.call("rooms.ask", { link: lobby!.link });
  await world.until(async () => (await group(carol)).group?.people === 2, "carol in the lobby");
  await carol.call("messages.send", { roomId, text: "Hello everybody" });
  await sees(olga, roomId, "Carol: Hello everybody");
});
