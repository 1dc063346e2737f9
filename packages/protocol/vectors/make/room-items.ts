import type { RoomItem } from "../../src/index.ts";
import {
  encode,
  messageId,
  messageStatus,
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
  return {
    about: [
      "The application data of a room's MLS messages. `content` is MIMI content, in a status with a status report as its body: see content.json.",
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
    ],
  };
}
