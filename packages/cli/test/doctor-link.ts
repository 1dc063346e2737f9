/** A link as a homeserver views it, for tests that say only what matters to them. */
import type { LinkView } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";

export const serverNumber = (n: number) => serverId.fromBytes(new Uint8Array(32).fill(n));

export const linkView = (change: Partial<LinkView> = {}): LinkView => ({
  server: serverNumber(2),
  name: "bob",
  localName: null,
  trust: "mutual",
  state: "connected",
  error: null,
  nextTryAt: null,
  addresses: [],
  roundTripMs: 3,
  queueDepth: 0,
  lastContactAt: 1,
  linkedAt: 1,
  software: "fedchat",
  via: [],
  origin: "person",
  relaysFor: "nobody",
  ...change,
});
