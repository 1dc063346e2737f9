import type { Invitation } from "../../src/index.ts";
import { encode, formatInvitationLink, invitation, roomId } from "../../src/index.ts";
import { alice, bob, made, now, serverA, serverB } from "./cast.ts";
import { withField, withoutField } from "./cases.ts";
import type { CborValue } from "../../src/cbor/cbor.ts";
import { toHex, toJson, type Json } from "./json.ts";

export const invitationOfBob: Invitation = {
  id: made("id of an invitation", 16),
  secret: made("secret of an invitation", 16),
  expires: now + 7 * 86_400_000,
  server: serverB.id,
  serverName: "bob",
  addresses: [{ host: "192.168.1.30", port: 8443, kind: "lan" }],
  relays: [{ server: serverA.id, addresses: serverA.record.addresses.slice(0, 2) }],
  inviter: bob.account,
  handle: "bob",
  displayName: "Bob",
};

const intoRoom = {
  id: roomId.fromBytes(made("a room", 16)),
  name: "Hiking",
  also: [
    { server: serverA.id, addresses: serverA.record.addresses.slice(0, 2), account: alice.account },
    { server: serverB.id, addresses: [], account: null },
  ],
};
const roomLinkOfBob: Invitation = { ...invitationOfBob, room: intoRoom };

const further: [string, Invitation][] = [
  ["without any address", { ...invitationOfBob, addresses: [], relays: [], displayName: "李小龙" }],
  ["into a room", roomLinkOfBob],
  ["into a room without a name", { ...roomLinkOfBob, room: { ...intoRoom, name: "", also: [] } }],
];

const base = "https://192.168.1.30:8443";

const manyPlaces = new Map<string, CborValue>([
  ["id", made("a room", 16)],
  ["name", "Hiking"],
  [
    "also",
    Array.from(
      { length: 5 },
      () =>
        new Map<string, CborValue>([
          ["server", made("a server")],
          ["addresses", []],
          ["account", null],
        ]),
    ),
  ],
]);

export function invitations(): Json {
  const encoded = encode(invitation, invitationOfBob);
  const link = (bytes: Uint8Array) => `${base}/i#${Buffer.from(bytes).toString("base64url")}`;
  const good = formatInvitationLink(base, invitationOfBob);
  const refused = (name: string, text: string): Json => ({ name, link: text, error: "malformed" });
  return {
    about: [
      "valid: `value` encodes to `encoded`, which in base64url without padding is the fragment of `link`.",
      "invalid: `link` must be refused.",
    ],
    valid: [
      { name: "Bob's", base, value: toJson(invitationOfBob), encoded: toHex(encoded), link: good },
      ...further.map(([name, value]) => ({
        name,
        base,
        value: toJson(value),
        encoded: toHex(encode(invitation, value)),
        link: formatInvitationLink(base, value),
      })),
    ],
    validToo: [
      { name: "the fragment alone", link: good.slice(good.indexOf("#") + 1) },
      { name: "white space around it", link: ` ${good}\n` },
      { name: "a field of a newer version", link: link(withField(encoded, "x-new", 1)) },
    ],
    invalid: [
      refused("empty", ""),
      refused("no fragment", `${base}/i`),
      refused("cut off", good.slice(0, -3)),
      refused("not base64url", `${base}/i#====`),
      refused("other CBOR", `${base}/i#oA`),
      refused("longer than 8,192 characters", good + "A".repeat(8_192)),
      refused("a secret of 15 bytes", link(withField(encoded, "secret", new Uint8Array(15)))),
      refused("no inviter", link(withoutField(encoded, "inviter"))),
      refused("a server name that is none", link(withField(encoded, "serverName", "Bob's"))),
      refused("a room link to five places", link(withField(encoded, "room", manyPlaces))),
      refused("a room without an id", link(withField(encoded, "room", new Map([["name", "Hiking"]])))),
      refused("a name that cannot be seen", link(withField(encoded, "displayName", " "))),
    ],
  };
}
