import { encodeLinkControl, ProtocolError, toWireError } from "../../src/index.ts";
import type { LinkControl } from "../../src/index.ts";
import { alice, bob, made, now, serverA, serverB, serverC as carol } from "./cast.ts";
import { invalid, joined, valid, withField, withoutField } from "./cases.ts";
import type { Json } from "./json.ts";
import { room, roomAppendExample } from "./room-logs.ts";

const controls: [string, LinkControl][] = [
  ["trust", { kind: "trust", linked: true }],
  ["a newer record", { kind: "record", record: serverA.signed }],
  ["asking for people", { kind: "askPeople" }],
  [
    "a whole list",
    {
      kind: "people",
      whole: true,
      people: [{ record: alice.signed, presence: "online", visibility: "linked" }],
      more: false,
      gone: [],
    },
  ],
  ["somebody left", { kind: "people", whole: false, people: [], more: false, gone: [bob.account] }],
  ["asking for an account", { kind: "query", id: 7, query: { ask: "account", account: alice.account } }],
  [
    "asking for a key package",
    {
      kind: "query",
      id: 0xffff_ffff,
      query: {
        ask: "keyPackage",
        account: alice.account,
        device: alice.devices[0]!.certificate.device,
        suite: "hybrid",
        capability: made("capability", 16),
      },
    },
  ],
  ["an answer", { kind: "answer", id: 7, result: alice.signed }],
  ["nothing found", { kind: "answer", id: 8, result: null }],
  ["an error", { kind: "answer", id: 9, error: toWireError(new ProtocolError("not-allowed")) }],
  [
    "asking who answers at our addresses",
    {
      kind: "query",
      id: 10,
      query: { ask: "dialBack", addresses: [{ host: "chat.example.com", port: 443, kind: "proxy" }] },
    },
  ],
  ["looking for people", { kind: "query", id: 11, query: { ask: "findPeople", text: "bo" } }],
  [
    "an append",
    {
      kind: "query",
      id: 12,
      query: { ask: "roomAppend", account: alice.account, ...roomAppendExample },
    },
  ],
  ["asking for entries", { kind: "query", id: 13, query: { ask: "roomLog", room, after: 41 } }],
  [
    "asking where a server of a room is",
    { kind: "query", id: 15, query: { ask: "roomServer", room, server: serverB.id } },
  ],
  ["asking which rooms are listed", { kind: "query", id: 16, query: { ask: "listedRooms" } }],
  ["asking for a piece of an info", { kind: "query", id: 14, query: { ask: "roomInfo", room, offset: 0 } }],
  ["asking for all records", { kind: "askRecords", since: 0 }],
  ["asking for newer records", { kind: "askRecords", incarnation: made("an incarnation", 8), since: 41 }],
  [
    "records",
    {
      kind: "records",
      incarnation: made("an incarnation", 8),
      upTo: 43,
      records: [{ record: serverB.signed, hops: 2 }],
    },
  ],
  [
    "a circuit",
    { kind: "circuitOpen", circuit: 4, source: serverA.id, destination: serverB.id, path: [carol.id] },
  ],
  ["a circuit that is taken", { kind: "circuitOpened", circuit: 4 }],
  ["more credit", { kind: "circuitCredit", circuit: 4, bytes: 131_072 }],
  ["a circuit that is over", { kind: "circuitClose", circuit: 4, code: "closing" }],
  ["a circuit that could not go on", { kind: "circuitClose", circuit: 6, code: "unreachable", at: carol.id }],
  ["a receipt", { kind: "custodyReceipt", receipt: made("a receipt", 300) }],
  [
    "custody refused",
    {
      kind: "custodyRefused",
      source: serverA.id,
      destination: serverB.id,
      class: "messages",
      stream: now,
      sequence: 7,
      error: toWireError(new ProtocolError("quota-exceeded")),
    },
  ],
  ["a record of the receiver's", { kind: "recordHeld", record: serverA.signed }],
  ["whose bundles follow", { kind: "custodySource", record: serverA.signed }],
  ["taken", { kind: "custodyTaken", source: serverA.id, class: "messages", stream: now, upTo: 7 }],
  ["done with one bundle", { kind: "custodyDone", bundle: made("a bundle's hash", 32) }],
  ["looking one hop beyond", { kind: "watchBeyond", watching: true }],
  [
    "people one hop beyond",
    {
      kind: "peopleBeyond",
      server: serverB.signed,
      whole: true,
      people: [{ record: bob.signed, presence: "offline", visibility: "beyond" }],
      more: false,
      gone: [],
    },
  ],
  ["registering", { kind: "register", token: made("a directory's token", 16) }],
  ["registered", { kind: "registered" }],
  ["ping", { kind: "ping", id: 1 }],
  ["pong", { kind: "pong", id: 1 }],
  ["bye", { kind: "bye", code: "superseded" }],
];

export function linkMessages(): Json {
  const control = (name: string, change: (cbor: Uint8Array) => Uint8Array) => {
    const encoded = encodeLinkControl(controls.find(([known]) => known === name)![1]);
    return joined(encoded.subarray(0, 1), change(encoded.subarray(1)));
  };
  return {
    about: [
      "First byte 1: a bundle follows; 2: a control message in CBOR; 3: a piece of a circuit. Each is one message of a batch.",
    ],
    valid: [
      valid("link message", "a bundle", { kind: "bundle", bundle: made("a bundle", 40) }),
      valid("link message", "a piece of a circuit", {
        kind: "circuit",
        piece: { circuit: 4, last: true, bytes: made("a piece", 40) },
      }),
      ...controls.map(([name, one]) => valid("link message", name, { kind: "control", control: one })),
    ],
    invalid: [
      invalid("link message", "nothing", new Uint8Array(0)),
      invalid("link message", "type 0", Uint8Array.of(0, 0xa0)),
      invalid("link message", "type 4", Uint8Array.of(4, 0xa0)),
      invalid("link message", "a piece without bytes", Uint8Array.of(3, 0, 0, 0, 4, 1)),
      invalid("link message", "a piece with an unknown flag", Uint8Array.of(3, 0, 0, 0, 4, 2, 1)),
      invalid("link message", "a piece of 65,537 bytes", joined([3, 0, 0, 0, 4, 1], new Uint8Array(65_537))),
      invalid("link message", "control without CBOR", Uint8Array.of(2)),
      invalid(
        "link message",
        "an unknown kind",
        control("ping", (cbor) => withField(cbor, "kind", "pang")),
      ),
      invalid(
        "link message",
        "a ping without id",
        control("ping", (cbor) => withoutField(cbor, "id")),
      ),
      invalid(
        "link message",
        "an id of 33 bits",
        control("ping", (cbor) => withField(cbor, "id", 0x1_0000_0000)),
      ),
      invalid(
        "link message",
        "trust that is a number",
        control("trust", (cbor) => withField(cbor, "linked", 1)),
      ),
      invalid(
        "link message",
        "an empty record",
        control("a newer record", (cbor) => withField(cbor, "record", new Uint8Array(0))),
      ),
      invalid(
        "link message",
        "257 people gone",
        control("somebody left", (cbor) => withField(cbor, "gone", Array(257).fill(made("x")))),
      ),
      invalid(
        "link message",
        "an unknown question",
        control("asking for an account", (cbor) => withField(cbor, "query", new Map([["ask", "password"]]))),
      ),
      invalid(
        "link message",
        "a byte after it",
        control("pong", (cbor) => joined(cbor, [0])),
      ),
    ],
  };
}
