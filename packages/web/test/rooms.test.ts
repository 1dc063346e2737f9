import type { Role, Room, RoomPerson } from "@fedchat/engine/interface";
import { describe, expect, test } from "vitest";
import { t } from "../src/strings.ts";
import {
  deedsFor,
  mayAdd,
  mayRename,
  mayRule,
  peopleShown,
  previewOf,
  roomServers,
  type Deed,
} from "../src/text/rooms.ts";

function person(name: string, role: Role, self = false): RoomPerson {
  return {
    role,
    self,
    person: {
      account: name,
      address: `${name}@chat.example.com`,
      displayName: name,
      serverId: "s",
      serverName: `${name}'s server`,
      presence: "unknown",
      relation: self ? "self" : "none",
      shownBy: null,
      verified: false,
      insteadOf: null,
      roomId: null,
    },
  };
}

function room(group: Partial<NonNullable<Room["group"]>>, more: Partial<Room> = {}): Room {
  return {
    roomId: "r",
    kind: "group",
    title: "Choir",
    peer: null,
    createdAt: 0,
    lastActivityAt: 0,
    lastMessage: null,
    unread: 0,
    firstUnread: null,
    missing: 0,
    gaps: [],
    state: "open",
    cause: null,
    keyChange: null,
    draft: "",
    expireAfterReadingMs: null,
    group: {
      name: "Choir",
      people: 3,
      verified: 0,
      listing: null,
      asking: 0,
      role: "member",
      invitedBy: null,
      joining: "invited",
      inviting: "moderators",
      succession: null,
      hub: null,
      underway: [],
      cause: null,
      ...group,
    },
    ...more,
  };
}

const said = (deeds: Deed[]) => deeds.map((deed) => (deed.kind === "role" ? deed.role : deed.kind));

test("a room is handed to a server where somebody of it lives, by its name or by theirs", () => {
  const at = (name: string, serverId: string, serverName: string, role: Role = "member") => {
    const one = person(name, role);
    return { ...one, person: { ...one.person, serverId, serverName } };
  };
  const hub = { serverId: "aaaa1111", name: "alice.example", awaySince: null };
  const people = [
    at("alice", "aaaa1111", "alice.example", "owner"),
    at("bob", "bbbb2222", "bob.example"),
    at("brian", "bbbb2222", "bob.example"),
    at("carol", "cccc3333", "cccc"),
    at("gus", "gggg4444", "gus.example", "guest"),
  ];
  expect(roomServers(room({ hub }), people).map(({ name }) => name)).toEqual([
    "alice.example",
    "bob.example",
    "carol's homeserver",
  ]);
  expect(roomServers(room({ hub: null }), [])).toEqual([]);
});

describe("what one may do to a person in a room", () => {
  const alice = person("alice", "owner", true);
  const bob = person("bob", "owner");
  const carol = person("carol", "member");

  test("an owner gives every other role to whoever is no owner, removes and bans them", () => {
    expect(said(deedsFor("owner", carol, [alice, carol]))).toEqual([
      "owner",
      "moderator",
      "guest",
      "remove",
      "ban",
    ]);
  });

  test("nobody does anything to another owner", () => {
    expect(deedsFor("owner", bob, [alice, bob])).toEqual([]);
    expect(deedsFor("moderator", bob, [alice, bob])).toEqual([]);
  });

  test("an owner steps down where there is another one, and not as the last", () => {
    expect(said(deedsFor("owner", alice, [alice, bob]))).toEqual(["moderator", "member", "guest"]);
    expect(deedsFor("owner", alice, [alice, carol])).toEqual([]);
  });

  test("a moderator removes and bans members and guests, gives no roles, and touches no moderator", () => {
    const all = [alice, carol];
    expect(said(deedsFor("moderator", carol, all))).toEqual(["remove", "ban"]);
    expect(said(deedsFor("moderator", person("dan", "guest"), all))).toEqual(["remove", "ban"]);
    expect(deedsFor("moderator", person("eve", "moderator"), all)).toEqual([]);
    expect(deedsFor("moderator", person("me", "moderator", true), all)).toEqual([]);
  });

  test.each([["member"], ["guest"], [null]] as const)("a %s does nothing to others", (own) => {
    expect(deedsFor(own, carol, [alice, carol])).toEqual([]);
  });
});

describe("what one may do in a room", () => {
  test("members take people in only where the room lets them", () => {
    expect(mayAdd(room({ role: "member" }))).toBe(false);
    expect(mayAdd(room({ role: "member", inviting: "members" }))).toBe(true);
    expect(mayAdd(room({ role: "guest", inviting: "members" }))).toBe(false);
    expect(mayAdd(room({ role: "moderator" }))).toBe(true);
  });

  test("moderators rename, owners alone change the rules", () => {
    expect(mayRename(room({ role: "moderator" }))).toBe(true);
    expect(mayRule(room({ role: "moderator" }))).toBe(false);
    expect(mayRule(room({ role: "owner" }))).toBe(true);
    expect(mayRename(room({ role: "member" }))).toBe(false);
  });

  test.each([["invited"], ["closed"], ["broken"]] as const)("nothing is offered where it is %s", (state) => {
    const out = room({ role: "owner" }, { state });
    expect([mayAdd(out), mayRename(out), mayRule(out)]).toEqual([false, false, false]);
  });
});

describe("the list of people", () => {
  const people = [person("bob", "owner"), person("alice", "moderator", true), person("carol", "guest")];

  test("has oneself first, then the others as they came", () => {
    expect(peopleShown(people, "").map((one) => one.person.displayName)).toEqual(["alice", "bob", "carol"]);
  });

  test("is filtered by name, address and server", () => {
    expect(peopleShown(people, "caro").map((one) => one.person.displayName)).toEqual(["carol"]);
    expect(peopleShown(people, "bob's serv").map((one) => one.person.displayName)).toEqual(["bob"]);
    expect(peopleShown(people, "dan")).toEqual([]);
  });
});

describe("the line under a room in the list", () => {
  const last = (more: Partial<NonNullable<Room["lastMessage"]>>): Room["lastMessage"] => ({
    messageId: "m",
    roomId: "r",
    position: 1,
    kind: "text",
    sender: "bob",
    senderName: "Bob",
    mine: false,
    sentAt: 0,
    receivedAt: 0,
    text: "hello",
    inReplyTo: null,
    state: null,
    stateAt: {},
    cause: null,
    expires: null,
    ...more,
  });

  test("says who wrote the last message", () => {
    expect(previewOf(room({}, { lastMessage: last({}) }))).toBe("Bob: hello");
    expect(previewOf(room({}, { lastMessage: last({ mine: true }) }))).toBe("You: hello");
  });

  test("says a notice as it is, also one of our own doing", () => {
    const notice = last({ kind: "notice", mine: true, text: "You opened the room." });
    expect(previewOf(room({}, { lastMessage: notice }))).toBe("You opened the room.");
  });

  test("leaves out the name where only two talk", () => {
    expect(previewOf({ ...room({}, { kind: "pair", group: null }), lastMessage: last({}) })).toBe("hello");
  });

  test("says who invites, whatever was written meanwhile", () => {
    const invited = room({ invitedBy: "Bob" }, { state: "invited", lastMessage: last({}) });
    expect(previewOf(invited)).toBe(t.chats.invitedBy("Bob"));
    expect(previewOf(room({}, { state: "invited" }))).toBe(t.chats.invited);
  });
});

test("numbers of people are said as people say them", () => {
  expect([0, 1, 2].map((n) => t.rooms.count(n))).toEqual(["0 people", "1 person", "2 people"]);
  expect([0, 1, 2].map((n) => t.rooms.open(n))).toEqual([
    "Open the room",
    "Open the room with 1 person",
    "Open the room with 2 people",
  ]);
});

test("what is under way in a room is said by itself while it is one thing, and counted from two on", () => {
  expect(t.rooms.underway("1 person", ["Taking Bob in"])).toBe("1 person · Taking Bob in");
  expect(t.rooms.underway("1 person", ["Taking Bob in", "Taking Carol in"])).toBe(
    "1 person · 2 changes under way",
  );
});
