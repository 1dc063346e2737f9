import type { Invitation } from "../../src/index.ts";
import { encode, formatInvitationLink, invitation } from "../../src/index.ts";
import { bob, made, now, serverA, serverB } from "./cast.ts";
import { withField, withoutField } from "./cases.ts";
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

const base = "https://192.168.1.30:8443";

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
      ...[{ ...invitationOfBob, addresses: [], relays: [], displayName: "李小龙" }].map((value) => ({
        name: "without any address",
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
      refused("a name that cannot be seen", link(withField(encoded, "displayName", " "))),
    ],
  };
}
