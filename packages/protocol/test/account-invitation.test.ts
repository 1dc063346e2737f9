import { expect, test } from "vitest";
import type { ServerAddress } from "../src/index.ts";
import {
  formatAccountInvitation,
  parseAccountFragment,
  parseAccountInvitation,
  serverId,
} from "../src/index.ts";

const server = serverId.fromBytes(new Uint8Array(32).fill(7));
const token = Uint8Array.from({ length: 16 }, (_, index) => index);
const at = (host: string, port: number, kind: ServerAddress["kind"]): ServerAddress => ({ host, port, kind });

test("[J2] a link names the address that browsers most likely trust, the server and the token", () => {
  const lan = at("192.168.1.5", 8443, "lan");
  const link = formatAccountInvitation([lan, at("chat.example.com", 443, "proxy")], { server, token });
  expect(link).toBe(`https://chat.example.com/app#${server}.aaaqeayeaudaocajbifqydiob4`);
  expect(parseAccountInvitation(` ${link}\n`)).toEqual({
    host: "chat.example.com",
    port: 443,
    server,
    token,
  });
  expect(parseAccountInvitation(formatAccountInvitation([lan], { server, token }))).toMatchObject({
    host: "192.168.1.5",
    port: 8443,
  });
  const v6 = formatAccountInvitation([at("2001:db8::7", 8443, "direct")], { server, token });
  expect(parseAccountInvitation(v6)).toMatchObject({ host: "2001:db8::7", port: 8443 });
});

test("[J2] the fragment alone says whose it is; the owner's token is longer; a token may be absent", () => {
  expect(parseAccountFragment(server)).toEqual({ server, token: undefined });
  const owners = new Uint8Array(32).fill(9);
  const link = formatAccountInvitation([], { server, token: owners });
  expect(parseAccountFragment(link.split("#")[1]!)).toEqual({ server, token: owners });
});

test("[J2] what is cut off or is something else is refused", () => {
  const link = formatAccountInvitation([at("chat.example.com", 8443, "direct")], { server, token });
  const wrong = [
    "",
    "chat.example.com:8443",
    link.slice(0, -1),
    `${link}.x`,
    link.replace("/app", "/i"),
    link.replace("https:", "http:"),
    link.split(".").slice(0, -1).join("."),
    // Unused bits that are set: the text of another token, if of any.
    link.slice(0, -1) + "5",
    link + "#".repeat(9_000),
  ];
  for (const text of wrong) expect(() => parseAccountInvitation(text), text).toThrow();
});
