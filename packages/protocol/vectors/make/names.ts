import {
  accountUri,
  displayNamePattern,
  fingerprint,
  handlePattern,
  roomUri,
  serverNamePattern,
} from "../../src/index.ts";
import { textFault } from "../../src/cbor/text-rules.ts";
import { accountId, deviceId, messageId, roomId, serverId } from "../../src/names.ts";
import { alice, made, serverA } from "./cast.ts";
import { toHex, type Json } from "./json.ts";

export const patterns = {
  serverName: { pattern: serverNamePattern, max: 253 },
  handle: { pattern: handlePattern, max: 32 },
  displayName: { pattern: displayNamePattern, max: 256 },
};

export function names(): Json {
  const room = roomId.fromBytes(made("a room", 16));
  return {
    about: [
      "identifiers: `bytes` (hex) are written as `text`: base32 of RFC 4648, lower case, no padding.",
      "notIdentifiers: texts that name nothing, whatever kind is asked for.",
      "uris: how accounts and rooms are named in MIMI content.",
      "fingerprint: an id in groups of four, for people to compare.",
      "texts: which texts may be a server's name, a handle or a display name.",
    ],
    identifiers: [
      { kind: "server", bytes: toHex(serverId.toBytes(serverA.id)), text: serverA.id },
      { kind: "account", bytes: toHex(accountId.toBytes(alice.account)), text: alice.account },
      { kind: "device", bytes: "00".repeat(16), text: deviceId.fromBytes(new Uint8Array(16)) },
      { kind: "room", bytes: toHex(roomId.toBytes(room)), text: room },
      {
        kind: "message",
        bytes: "ff".repeat(32),
        text: messageId.fromBytes(new Uint8Array(32).fill(0xff)),
      },
    ],
    notIdentifiers: [
      { name: "empty", text: "" },
      { name: "upper case", text: room.toUpperCase() },
      { name: "padded", text: `${room}======` },
      { name: "a character outside the alphabet", text: `1${room.slice(1)}` },
      { name: "one character too few", text: room.slice(1) },
      { name: "unused bits that are not zero", text: `${room.slice(0, -1)}b` },
      { name: "white space around it", text: ` ${room}` },
    ],
    uris: [
      { account: alice.account, uri: accountUri(alice.account) },
      { room, uri: roomUri(room) },
    ],
    fingerprint: { id: serverA.id, text: fingerprint(serverA.id) },
    texts: [
      ...texts("serverName", [
        "bob",
        "a",
        "a-1",
        "chat.example.com",
        "x".repeat(32),
        `${"x".repeat(63)}.org`,
      ]),
      ...texts("serverName", ["", "Bob", "-bob", "bob-", "a..b", ".com", "a b", "bö", "x".repeat(33), "a_b"]),
      ...texts("handle", ["alice", "a", "7of9", "a.b_c-d", "x".repeat(32)]),
      ...texts("handle", ["", "Alice", ".alice", "al ice", "álice", "x".repeat(33), "alice@server"]),
      ...texts("displayName", ["Alice", "Zoë", "李小龙", "علي", "a b", "👩‍🔧", "O'Neill ✈", "ß".repeat(128)]),
      ...texts("displayName", [
        "",
        " ",
        " Alice",
        "Alice ",
        "Ali\u200bce",
        "\u200b",
        "Ali\nce",
        "\u202eecilA",
      ]),
      ...texts("displayName", ["Zoe\u0308", "Ali\u00adce", "\u3000", "a\u2028b", "ß".repeat(129)]),
    ],
  };
}

function texts(kind: keyof typeof patterns, list: string[]): Json[] {
  const { pattern, max } = patterns[kind];
  return list.map((text) => ({
    kind,
    text,
    allowed: textFault(text, { min: 1, max, pattern }) === undefined,
  }));
}
