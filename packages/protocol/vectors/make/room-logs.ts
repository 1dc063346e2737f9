import type { RoomAppend, RoomEntry, RoomLogItem } from "../../src/index.ts";
import {
  encode,
  proveRoomAppend,
  readMlsHead,
  roomAppend,
  roomEntry,
  roomEntryHash,
  roomId,
  roomLogItem,
  signTakeover,
} from "../../src/index.ts";
import { alice, bob, made, now, p, serverA, serverB } from "./cast.ts";
import { invalid, joined, valid, withField, withoutField } from "./cases.ts";
import { toHex, type Json } from "./json.ts";
import { about, changedContainer, containerOf, flipLast, refused, statement } from "./statements.ts";
import { structures } from "./structures.ts";

export const room = roomId.fromBytes(made("a room", 16));
const accessSeed = made("access key of a room");
const group = made("the group of a room");
const access = p.ed25519.publicKey(accessSeed);
const zeros = new Uint8Array(32);

/** The clear head of a PrivateMessage, RFC 9420 §6.3: version, wire format, group id, epoch, content type. */
const privateMessage = (content: number): Uint8Array =>
  joined([0, 1, 0, 2, 32], group, [0, 0, 0, 0, 0, 0, 0, 7, content, 0], made("a ciphertext", 60));

const begin: RoomLogItem = { kind: "begin", group, access, servers: [serverA.id] };
const commit: RoomLogItem = {
  kind: "commit",
  ...{ group, epoch: 7, message: privateMessage(3), external: false },
  access: p.ed25519.publicKey(made("the next access key of a room")),
  servers: [serverA.id, serverB.id],
};
const proposal: RoomLogItem = { kind: "proposal", group, epoch: 7, message: privateMessage(2) };

const first: RoomEntry = {
  ...{ room, hub: serverA.id, term: 1, position: 1, previous: zeros, at: now },
  by: { account: alice.account, server: serverA.id },
  item: encode(roomLogItem, begin),
};
const signedFirst = roomEntry.sign(p, serverA.seed, first);
const second: RoomEntry = {
  ...first,
  position: 2,
  previous: roomEntryHash(p, signedFirst),
  at: now + 1_000,
  item: encode(roomLogItem, commit),
};

/** Bob's server goes on behind the second. */
const takeoverSeeds = {
  access: made("the next access key of a room"),
  member: bob.devices[0]!.signatureSeed,
};
const signedSecond = roomEntry.sign(p, serverA.seed, second);
const takeoverPlace = {
  ...{ room, hub: serverB.id, term: 2, position: 3 },
  previous: roomEntryHash(p, signedSecond),
};
const takeover = signTakeover(p, takeoverSeeds, takeoverPlace, {
  ...{ kind: "takeover", from: serverA.id, group, epoch: 8 },
  access: p.ed25519.publicKey(takeoverSeeds.access),
  servers: [serverA.id, serverB.id],
  member: bob.devices[0]!.signed,
});
const third: RoomEntry = {
  ...takeoverPlace,
  at: now + 200_000,
  by: { account: bob.account, server: serverB.id },
  item: encode(roomLogItem, takeover),
};

/** What other files hold of rooms. */
export const signedRoomEntryExample = signedFirst;
const unproved: Omit<RoomAppend, "proof"> = {
  ...{ room, term: 1, position: 1, head: second.previous },
  ...{ item: second.item, info: made("an encrypted GroupInfo", 80) },
};
export const roomAppendExample: RoomAppend = {
  ...unproved,
  proof: proveRoomAppend(p, accessSeed, unproved),
};

export function roomEntries(): Json {
  const body = (entry: RoomEntry) => structures["room-entry body"]!.encode(entry);
  const spoiled = (change: (encoded: Uint8Array) => Uint8Array) =>
    containerOf("room-entry", serverA.seed, change(body(second)));
  return {
    about: [...about, "Each follows the one before: its `previous` is SHA-256 over that one's `signed`."],
    valid: [
      statement("the first of a log", roomEntry, serverA.seed, first),
      statement("the next", roomEntry, serverA.seed, second),
      statement("of the next term, by another hub", roomEntry, serverB.seed, third),
    ],
    invalid: [
      refused("signed by another server", containerOf("room-entry", serverB.seed, body(second))),
      refused("signed as another type", containerOf("custody-receipt", serverA.seed, body(second))),
      refused(
        "position 0",
        spoiled((encoded) => withField(encoded, "position", 0)),
      ),
      refused(
        "term 0",
        spoiled((encoded) => withField(encoded, "term", 0)),
      ),
      refused(
        "position 1 behind something",
        spoiled((encoded) => withField(encoded, "position", 1)),
      ),
      refused(
        "position 2 behind nothing",
        spoiled((encoded) => withField(encoded, "previous", zeros)),
      ),
      refused(
        "without an item",
        spoiled((encoded) => withField(encoded, "item", new Uint8Array(0))),
      ),
      refused(
        "by nobody",
        spoiled((encoded) => withoutField(encoded, "by")),
      ),
      refused("a bit of the body", changedContainer(signedFirst, flipLast)),
    ],
  };
}

export function roomLogs(): Json {
  const [begun, committed, proposed] = [begin, commit, proposal].map((item) => encode(roomLogItem, item));
  const takenOver = encode(roomLogItem, takeover);
  const server = made("a server");
  return {
    about: [
      "Items of rooms' logs.",
      "append: `proof` is the signature of the access key (`seed`), type `room-append`, over CBOR {room, term, position, head, item: SHA-256 of item, info: SHA-256 of info or null}.",
      "takeover: the third of room-entry.json; `proof` and `signature` are of the access key (`seed`), type `room-takeover`, and of the device (`memberSeed`), type `room-takeover-member`, over CBOR {room, hub, term, position, previous} of its entry and {from, group, epoch, access, servers} of its item.",
      "heads: what a server reads of an MLSMessage with a PrivateMessage; null where it is none.",
    ],
    valid: [
      valid("room log item", "begin", begin),
      valid("room log item", "a commit", commit),
      valid("room log item", "of a device that joins by itself", {
        ...commit,
        external: true,
        message: made("a sealed PublicMessage", 100),
      }),
      valid("room log item", "a proposal", proposal),
      valid("room log item", "a takeover", takeover),
    ],
    invalid: [
      invalid("room log item", "an unknown kind", withField(begun!, "kind", "pause")),
      invalid("room log item", "a takeover from nobody", withoutField(takenOver, "from")),
      invalid("room log item", "a takeover without a proof", withoutField(takenOver, "proof")),
      invalid("room log item", "a takeover by no device", withField(takenOver, "member", new Uint8Array(0))),
      invalid("room log item", "no server", withField(begun!, "servers", [])),
      invalid("room log item", "a server twice", withField(begun!, "servers", [server, server])),
      invalid(
        "room log item",
        "257 servers",
        withField(
          begun!,
          "servers",
          Array.from({ length: 257 }, (_, n) => made(`server ${n}`)),
        ),
      ),
      invalid("room log item", "a group of 31 bytes", withField(begun!, "group", made("x", 31))),
      invalid("room log item", "an access key of 33 bytes", withField(begun!, "access", made("x", 33))),
      invalid("room log item", "a commit without a message", withoutField(committed!, "message")),
      invalid("room log item", "a commit without an access key", withoutField(committed!, "access")),
      invalid("room log item", "external in words", withField(committed!, "external", "yes")),
      invalid("room log item", "a proposal of no epoch", withoutField(proposed!, "epoch")),
    ],
    append: {
      seed: toHex(accessSeed),
      access: toHex(access),
      encoded: toHex(encode(roomAppend, roomAppendExample)),
    },
    takeover: {
      seed: toHex(takeoverSeeds.access),
      memberSeed: toHex(takeoverSeeds.member),
      item: toHex(takenOver),
    },
    heads: heads(),
  };
}

function heads(): Json[] {
  const long = made("a group id of 70 bytes", 70);
  const at = [0, 0, 0, 0, 0, 0, 0, 7, 1];
  const cases: [string, Uint8Array][] = [
    ["a message", privateMessage(1)],
    ["a proposal", privateMessage(2)],
    ["a commit", privateMessage(3)],
    ["a length of two bytes", joined([0, 1, 0, 2, 0x40, 70], long, at)],
    ["a length of two bytes where one is enough", joined([0, 1, 0, 2, 0x40, 32], group, at)],
    ["a length that is none", joined([0, 1, 0, 2, 0xc0, 0, 0, 0, 0, 0, 0, 32], group, at)],
    ["another version", joined([0, 2, 0, 2, 32], group, at)],
    ["a PublicMessage", joined([0, 1, 0, 1, 32], group, at)],
    ["an unknown content type", privateMessage(4)],
    ["an epoch of 2^53", joined([0, 1, 0, 2, 32], group, [0, 0x20, 0, 0, 0, 0, 0, 0, 1])],
    ["cut off in the group id", privateMessage(1).subarray(0, 20)],
    ["nothing", new Uint8Array(0)],
  ];
  return cases.map(([name, message]) => {
    const head = readMlsHead(message);
    return {
      name,
      message: toHex(message),
      head: head === undefined ? null : { ...head, group: toHex(head.group) },
    };
  });
}
