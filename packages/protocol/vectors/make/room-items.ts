import type { MissingAnswer, RoomItem } from "../../src/index.ts";
import {
  encode,
  messageId,
  messageStatus,
  missingAnswer,
  roomItem,
  statusMessage,
  textMessage,
  encodeContent,
} from "../../src/index.ts";
import { alice, bob, made } from "./cast.ts";
import { invalid, valid, withField, withoutField } from "./cases.ts";
import type { Json } from "./json.ts";

const first = messageId.fromBytes(made("first message id"));
const boxSeen = { device: bob.devices[0]!.certificate.device, counter: 3 };
const phoneSeen = { device: alice.devices[1]!.certificate.device, counter: 9 };

const message: RoomItem = {
  kind: "message",
  counter: 1,
  previous: null,
  seen: [],
  content: encodeContent(textMessage({ salt: made("salt", 16) }, "Hello *Bob*")),
};

export function roomItems(): Json {
  const one = encode(roomItem, message);
  const device = (counter: number) =>
    new Map<string, Uint8Array | number>([
      ["device", made("d", 16)],
      ["counter", counter],
    ]);
  const status: RoomItem = {
    kind: "status",
    seen: [boxSeen],
    content: encodeContent(
      statusMessage({ salt: made("salt of a status", 16) }, [
        { messageId: first, status: messageStatus.read },
      ]),
    ),
  };
  const capability: RoomItem = { kind: "capability", capability: made("capability", 16) };
  const link: RoomItem = {
    kind: "link",
    id: made("id of an invitation", 16),
    secret: made("secret of an invitation", 16),
    expires: 1_800_000_000_000,
  };
  const ask: RoomItem = {
    kind: "ask",
    id: made("question", 16),
    to: bob.devices[0]!.certificate.device,
    of: alice.devices[1]!.certificate.device,
    first: 7,
    last: 9,
    held: [3, 4, 6],
    key: made("X-Wing key", 1_216),
  };
  const refill: RoomItem = {
    kind: "refill",
    id: made("question", 16),
    encapsulation: made("encapsulation", 1_120),
    ciphertext: made("sealed answer", 80),
  };
  const answer: MissingAnswer = {
    contexts: [{ epoch: 5, context: made("group context", 120) }],
    messages: [
      { epoch: 5, leaf: 2, created: 1_800_000_000_000, item: one, signature: made("signature", 64) },
    ],
    without: [
      { first: 8, last: 8, why: "gone" },
      { first: 9, last: 9, why: "never" },
    ],
    more: false,
  };
  return {
    about: [
      "The application data of a room's MLS messages. `content` is MIMI content, in a status with a status report as its body: see content.json. A `missing answer` is what the ciphertext of a refill holds.",
    ],
    valid: [
      valid("room item", "the first message of a device", message),
      valid("room item", "a later one", {
        ...message,
        counter: 12,
        previous: first,
        seen: [boxSeen, phoneSeen],
      }),
      valid("room item", "a status", status),
      valid("room item", "a capability", capability),
      valid("room item", "a link", link),
      valid("room item", "a link that was revoked", { ...link, secret: null }),
      valid("room item", "a newer record of whoever says it", { kind: "record", record: alice.signed }),
      valid("room item", "a beat", { kind: "seen", seen: [boxSeen, phoneSeen] }),
      valid("room item", "a question for missing messages", ask),
      valid("room item", "a sealed answer", refill),
      valid("missing answer", "a message, one that is kept no more, and one that never was", answer),
    ],
    invalid: [
      invalid("room item", "an unknown kind", withField(one, "kind", "poll")),
      invalid("room item", "counter 0", withField(one, "counter", 0)),
      invalid("room item", "no counter", withoutField(one, "counter")),
      invalid("room item", "no previous, not even null", withoutField(one, "previous")),
      invalid("room item", "a previous of 31 bytes", withField(one, "previous", made("x", 31))),
      invalid("room item", "no content", withField(one, "content", new Uint8Array(0))),
      invalid("room item", "a device twice", withField(one, "seen", [device(1), device(2)])),
      invalid("room item", "seen up to 0", withField(one, "seen", [device(0)])),
      invalid("room item", "a status without content", withoutField(encode(roomItem, status), "content")),
      invalid(
        "room item",
        "a capability of 15 bytes",
        withField(encode(roomItem, capability), "capability", made("capability", 15)),
      ),
      invalid("room item", "a link without an end", withoutField(encode(roomItem, link), "expires")),
      invalid(
        "room item",
        "a secret of 15 bytes",
        withField(encode(roomItem, link), "secret", made("secret", 15)),
      ),
      invalid(
        "room item",
        "a record of nothing",
        withField(encode(roomItem, { kind: "record", record: alice.signed }), "record", new Uint8Array(0)),
      ),
      invalid("room item", "a question for nothing", withField(encode(roomItem, ask), "last", 6)),
      invalid("room item", "a question for too many", withField(encode(roomItem, ask), "last", 263)),
      invalid(
        "room item",
        "a question with a key that is too short",
        withField(encode(roomItem, ask), "key", made("X-Wing key", 1_215)),
      ),
      invalid(
        "room item",
        "an answer without ciphertext",
        withoutField(encode(roomItem, refill), "ciphertext"),
      ),
      invalid(
        "missing answer",
        "a message with a short signature",
        withField(encode(missingAnswer, answer), "messages", [
          new Map<string, Uint8Array | number>([
            ["epoch", 5],
            ["leaf", 2],
            ["created", 1],
            ["item", one],
            ["signature", made("signature", 63)],
          ]),
        ]),
      ),
      invalid(
        "missing answer",
        "an unknown reason",
        withField(encode(missingAnswer, answer), "without", [
          new Map<string, string | number>([
            ["first", 1],
            ["last", 1],
            ["why", "lost"],
          ]),
        ]),
      ),
    ],
  };
}
