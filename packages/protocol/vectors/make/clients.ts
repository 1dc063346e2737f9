import type {
  ClientEvent,
  ClientMethodName,
  Examination,
  LinkView,
  UnlinkedView,
  NearbyState,
  Submission,
} from "../../src/index.ts";
import {
  clientMethods,
  clientRequest,
  encode,
  encodeClientEvent,
  encodeClientFrame,
  ProtocolError,
  signAs,
  toWireError,
} from "../../src/index.ts";
import { alice, bob, made, now, p, serverA, serverB } from "./cast.ts";
import { invalid, joined, patched, valid, withField, withoutField } from "./cases.ts";
import { roomEnvelope } from "./envelopes.ts";
import { toHex, type Json } from "./json.ts";
import { room, roomAppendExample, signedRoomEntryExample } from "./room-logs.ts";
import { structures } from "./structures.ts";

const submission: Submission = {
  id: roomEnvelope.id,
  kind: "room",
  created: now,
  destinations: [{ server: serverB.id, accounts: [bob.account] }],
  payload: made("a payload", 40),
};
const item = {
  position: 12,
  received: now + 5,
  server: serverA.id,
  from: alice.account,
  id: roomEnvelope.id,
  kind: "room" as const,
  created: now,
  payload: made("a payload", 40),
};

export function clientFrames(): Json {
  const submit = encodeClientFrame({ kind: "submit", id: 3, submission });
  const two = encodeClientFrame({
    kind: "submit",
    id: 3,
    submission: {
      ...submission,
      destinations: [{ server: serverB.id, accounts: [alice.account, bob.account] }],
    },
  });
  const destinations = 30;
  const encodedItem = encodeClientFrame({ kind: "item", item });
  return {
    about: [
      "Layouts, big-endian: request 1: id 4 · CBOR. response 2: id 4 · ok 1 · CBOR. event 3: CBOR. submit 16: id 4 · envelope id 16 · kind 1 · created 8 · destinations 1 · each (server 32 · n 2 · n × account 32) · payload. accepted 17: id 4. item 18: position 8 · received 8 · server 32 · from 32 · id 16 · kind 1 · created 8 · payload. acknowledge 19: position 8.",
    ],
    valid: [
      valid("client frame", "a request", { kind: "request", id: 1, body: request("server.info", {}) }),
      valid("client frame", "a response", { kind: "response", id: 1, ok: true, body: Uint8Array.of(0xa0) }),
      valid("client frame", "an error", {
        kind: "response",
        id: 2,
        ok: false,
        body: structures["wire error"]!.encode(toWireError(new ProtocolError("conflict"))),
      }),
      valid("client frame", "an event", { kind: "event", body: encodeClientEvent({ kind: "superseded" }) }),
      valid("client frame", "a submission", { kind: "submit", id: 3, submission }),
      valid("client frame", "a submission to two servers", {
        kind: "submit",
        id: 0xffff_ffff,
        submission: {
          ...submission,
          destinations: [
            { server: serverA.id, accounts: [alice.account] },
            { server: serverB.id, accounts: [bob.account, alice.account] },
          ],
        },
      }),
      valid("client frame", "accepted", { kind: "accepted", id: 3 }),
      valid("client frame", "an item", { kind: "item", item }),
      valid("client frame", "an acknowledgement", { kind: "acknowledge", position: 12 }),
    ],
    invalid: [
      invalid("client frame", "nothing", new Uint8Array(0)),
      invalid("client frame", "type 0", Uint8Array.of(0)),
      invalid("client frame", "type 4", Uint8Array.of(4, 0, 0, 0, 1)),
      invalid("client frame", "a request without id", Uint8Array.of(1, 0, 0, 0)),
      invalid("client frame", "a response that is neither", Uint8Array.of(2, 0, 0, 0, 1, 2, 0xa0)),
      invalid("client frame", "a byte after accepted", Uint8Array.of(17, 0, 0, 0, 3, 0)),
      invalid("client frame", "a position of 2^53", Uint8Array.of(19, 0, 0x20, 0, 0, 0, 0, 0, 0)),
      invalid("client frame", "kind 0", patched(submit, 21, 0)),
      invalid("client frame", "no destination", patched(submit, destinations, 0)),
      invalid("client frame", "no recipient", joined(submit.subarray(0, destinations + 33), [0, 0])),
      invalid("client frame", "1,001 recipients", patched(submit, destinations + 33, 0x03, 0xe9)),
      invalid(
        "client frame",
        "a recipient twice",
        patched(two, destinations + 35, ...two.subarray(destinations + 67, destinations + 99)),
      ),
      invalid(
        "client frame",
        "a server twice",
        joined(patched(submit.subarray(0, 97), destinations, 2), submit.subarray(31, 97)),
      ),
      invalid("client frame", "an item that is cut off", encodedItem.subarray(0, 100)),
    ],
  };
}

const inbox = { incarnation: made("incarnation", 16), floor: 0, head: 41, cursor: 12 };
const opened = {
  fencing: 5,
  inbox,
  handle: "alice",
  record: alice.signed,
  administrator: true,
  hasPassword: false,
};
const device = alice.devices[0]!;
const handshakeHash = made("a handshake hash");
const signature = signAs(p, "client-session", device.signatureSeed, handshakeHash);
const account = { account: bob.account };
const server = { server: serverB.id };
const opaque = made("an OPAQUE message", 96);
const link: LinkView = {
  server: serverB.id,
  name: "bob",
  localName: null,
  trust: "mutual",
  state: "connected",
  error: null,
  nextTryAt: null,
  addresses: serverB.record.addresses,
  roundTripMs: 12,
  queueDepth: 0,
  lastContactAt: now,
  linkedAt: now - 60_000,
  software: "fedchat/0.1.0",
  via: [],
  origin: "person",
  relaysFor: "linked",
};
const unlinked: UnlinkedView = {
  server: serverB.id,
  name: "bob",
  state: "connected",
  error: null,
  nextTryAt: null,
  addresses: serverB.record.addresses,
  roundTripMs: 31,
  via: [serverA.id],
  relaysFor: "nobody",
};
const person = { server: serverB.id, record: bob.signed, presence: "online" as const };
const sealed = { name: "contacts", version: 3, bytes: made("sealed record", 48) };
const info = {
  record: serverA.signed,
  accounts: 1,
  reachedFromOutside: false,
  relayHints: [{ server: serverB.id, addresses: serverB.record.addresses.slice(0, 1) }],
  relaying: {
    relaysFor: "linked" as const,
    circuits: 2,
    custodyBundles: 3,
    custodyBytes: 9_000,
    custodyBytesMax: 268_435_456,
  },
};
const nearby: NearbyState = {
  mode: "announce",
  problem: null,
  servers: [
    {
      server: serverB.id,
      name: "bob",
      addresses: [{ host: "192.168.1.7", port: 8443, kind: "lan" }],
      heardAt: now,
    },
  ],
};
const examination: Examination = {
  startedAt: now - 8_000,
  finishedAt: null,
  findings: [
    {
      check: "proxy",
      title: "Proxy chat.example.com:443",
      result: "failed",
      code: "no-upgrade",
      sentence: "The proxy answers, and passes no WebSockets on.",
      fix: "Have it pass the headers Upgrade and Connection.",
      action: { kind: "copy", text: 'proxy_set_header Connection "upgrade";' },
    },
    {
      check: "links",
      title: "Link to bob",
      result: "warning",
      code: "unreachable",
      sentence: "It does not answer.",
      fix: null,
      action: { kind: "server", server: serverB.id },
    },
    {
      check: "port",
      title: "Port 8443",
      result: "passed",
      code: null,
      sentence: "",
      fix: null,
      action: null,
    },
  ],
  pending: ["Clock"],
};
const failed = {
  ...link,
  trust: "outgoing" as const,
  state: "waiting" as const,
  error: toWireError(new ProtocolError("unreachable", "bob.example:8443: nothing listens there.")),
  nextTryAt: now + 4_000,
};

const { term, position, head: hash } = roomAppendExample;
const listing = {
  link: made("a room link", 80),
  description: "Sundays, whatever the weather.",
  people: 12,
  open: true,
};
const roomHead = { hub: serverA.id, term, position, hash };

const accountInvitation = {
  id: made("account invitation", 8),
  label: "book club",
  createdAt: now,
  expiresAt: now + 604_800_000,
  usesMax: 5,
  usesLeft: 4,
};

/** Parameters and result of every method. */
const calls: { [M in ClientMethodName]: [object, object] } = {
  "meetings.open": [{ meeting: made("meeting", 16) }, { until: now + 600_000 }],
  "meetings.answer": [{ meeting: made("meeting", 16), message: made("answer", 40) }, {}],
  "meetings.close": [{ meeting: made("meeting", 16) }, {}],
  "meetings.meet": [
    { meeting: made("meeting", 16), message: made("message", 40) },
    { message: made("answer", 40) },
  ],
  "session.open": [
    { account: alice.account, device: device.certificate.device, signature, fencing: 4 },
    opened,
  ],
  "account.register": [
    { token: made("token", 16), record: alice.signed, device: device.certificate.device, signature },
    opened,
  ],
  "registration.terms": [{ token: made("token", 16) }, { policy: "invited", admits: true }],
  "accountInvitations.make": [
    { label: "book club", lifetimeMs: 604_800_000, uses: 5 },
    { token: made("token", 16), invitation: accountInvitation },
  ],
  "accountInvitations.list": [{}, { invitations: [accountInvitation] }],
  "accountInvitations.revoke": [{ id: accountInvitation.id }, {}],
  "account.prove": [{ ...account, signature }, { record: bob.signed }],
  "account.update": [{ record: alice.signed }, {}],
  "server.info": [{}, info],
  "password.registerStart": [{ request: opaque }, { response: opaque }],
  "password.registerFinish": [{ upload: opaque, wrappedKey: made("wrapped key", 60) }, {}],
  "password.loginStart": [
    { handle: "alice", request: opaque },
    { attempt: made("attempt", 16), response: opaque },
  ],
  "password.loginFinish": [
    { attempt: made("attempt", 16), finish: opaque },
    { wrappedKey: made("wrapped key", 60), record: alice.signed },
  ],
  "device.add": [{ record: alice.signed, device: device.certificate.device, signature }, opened],
  "inbox.subscribe": [
    { incarnation: inbox.incarnation, position: 12 },
    { outcome: "ok", inbox },
  ],
  "envelopes.progress": [
    { envelopes: [roomEnvelope.id] },
    { progress: [{ envelope: roomEnvelope.id, server: serverB.id, state: "forwarded" }] },
  ],
  "envelopes.trace": [
    { envelope: roomEnvelope.id },
    {
      traces: [
        {
          server: serverB.id,
          state: "queued",
          route: "custody",
          path: [serverA.id],
          receipts: [{ relay: serverA.id, taken: now, until: now + 86_400_000 }],
          error: toWireError(new ProtocolError("unreachable")),
          nextTryAt: now + 4_000,
        },
        {
          server: serverA.id,
          state: "queued",
          route: "none",
          path: [],
          missing: [serverB.id],
          receipts: [],
          error: toWireError(new ProtocolError("unreachable")),
          nextTryAt: null,
        },
      ],
    },
  ],
  "keyPackages.put": [
    {
      suite: "classical",
      packages: [made("key package", 64)],
      lastResort: made("last resort", 64),
      capability: made("capability", 16),
    },
    { stocked: 1 },
  ],
  "keyPackages.count": [{ suite: "hybrid" }, { stocked: 100 }],
  "keyPackages.fetch": [
    {
      ...server,
      ...account,
      ...{ device: bob.devices[0]!.certificate.device, suite: "hybrid", capability: made("capability", 16) },
    },
    { keyPackage: null },
  ],
  "sealed.put": [sealed, {}],
  "sealed.get": [{ name: "contacts" }, { record: sealed }],
  "sealed.list": [{}, { records: [{ name: "contacts", version: 3 }] }],
  "archive.list": [
    {},
    {
      segments: [{ device: bob.devices[0]!.certificate.device, number: 4, total: 48, held: 32 }],
      bytesMax: 1_073_741_824,
    },
  ],
  "archive.put": [{ number: 4, offset: 32, total: 48, bytes: made("piece of a segment", 16) }, { held: 48 }],
  "archive.get": [
    { device: bob.devices[0]!.certificate.device, number: 4, offset: 32 },
    { total: 48, bytes: made("piece of a segment", 16) },
  ],
  "archive.drop": [{ device: bob.devices[0]!.certificate.device, numbers: [1, 2] }, {}],
  "delivery.grant": [{ ...server, ...account }, {}],
  "delivery.revoke": [account, {}],
  "delivery.block": [account, {}],
  "delivery.unblock": [account, {}],
  "people.list": [{ refresh: true }, { people: [person] }],
  "people.lookup": [
    { ...server, ...account, invited: { addresses: serverB.record.addresses, relays: info.relayHints } },
    { record: bob.signed },
  ],
  "people.visibility": [{}, { visibility: "beyond" }],
  "people.setVisibility": [{ visibility: "directory" }, {}],
  "people.watchBeyond": [{ watching: true }, {}],
  "people.search": [{ text: "bo" }, { people: [{ ...person, serverName: "bob", shownBy: serverA.id }] }],
  "server.setRelaying": [{ relaysFor: "anyone" }, {}],
  "directories.list": [
    {},
    {
      directories: [
        {
          address: { host: "directory.example.com", port: 443, kind: "direct" },
          server: serverA.id,
          name: "chat.example.com",
          state: "waiting",
          error: toWireError(new ProtocolError("unreachable")),
          nextTryAt: now + 4_000,
          servers: 12,
        },
      ],
    },
  ],
  "network.map": [
    {},
    {
      servers: [{ server: serverB.id, name: "bob", relaysFor: "linked", neighbours: [serverA.id], hops: 0 }],
      more: false,
    },
  ],
  "links.list": [{}, { links: [link, failed] }],
  "links.unlinked": [{}, { servers: [unlinked] }],
  "links.add": [{ ...server, addresses: serverB.record.addresses, localName: "Bob's box" }, link],
  "links.linkBack": [server, link],
  "links.remove": [server, {}],
  "links.block": [server, { ...link, trust: "blocked", state: "off" }],
  "links.unblock": [server, link],
  "links.rename": [{ ...server, localName: null }, link],
  "links.setAddresses": [
    { ...server, addresses: serverB.record.addresses },
    { ...link, told: serverB.record.addresses },
  ],
  "links.retry": [server, {}],
  "rooms.append": [
    { hub: serverA.id, ...roomAppendExample },
    { outcome: "appended", position: 2, hash: made("hash of an entry") },
  ],
  "rooms.log": [
    { room, after: 0 },
    { entries: [signedRoomEntryExample], head: roomHead },
  ],
  "rooms.heads": [{}, { rooms: [{ room, ...roomHead }] }],
  "rooms.info": [
    { room, hub: serverA.id, offset: 0 },
    { info: made("an encrypted GroupInfo", 80), total: 80, position: 2 },
  ],
  "rooms.follow": [{ room, hub: serverA.id, position, hash }, {}],
  "rooms.unfollow": [{ room }, {}],
  "rooms.publish": [{ room, listing }, {}],
  "rooms.listed": [{}, { rooms: [{ server: serverA.id, listing }] }],
  "servers.records": [{ servers: [serverB.id] }, { records: [serverB.signed] }],
  "servers.introduce": [{ records: [serverB.signed] }, {}],
  "servers.nearby": [{}, nearby],
  "server.examine": [{ again: true }, examination],
};

const events: [string, ClientEvent][] = [
  ["forwarded", { kind: "progress", envelope: roomEnvelope.id, server: serverB.id, state: "forwarded" }],
  [
    "refused",
    {
      kind: "progress",
      envelope: roomEnvelope.id,
      server: serverB.id,
      state: "refused",
      error: toWireError(new ProtocolError("blocked")),
    },
  ],
  [
    "in custody",
    {
      kind: "progress",
      envelope: roomEnvelope.id,
      server: serverB.id,
      state: "custody",
      path: [serverA.id],
      custody: { relay: serverA.id, taken: now, until: now + 86_400_000 },
    },
  ],
  ["a link", { kind: "link", link: failed }],
  ["a link removed", { kind: "linkRemoved", server: serverB.id }],
  ["people", { kind: "people", whole: true, gone: [], server: serverB.id, people: [person] }],
  ["the server itself", { kind: "server", info }],
  ["a stream began anew", { kind: "gapCheck", server: serverB.id }],
  [
    "a changed key",
    { kind: "warning", error: toWireError(new ProtocolError("server-key-changed")), server: serverB.id },
  ],
  ["servers nearby", { kind: "nearby", state: { ...nearby, mode: "look", problem: "No network." } }],
  ["a room's log is further", { kind: "roomHead", room, term: 1, position: 2 }],
  ["superseded", { kind: "superseded" }],
];

export function clientCalls(): Json {
  const params = (name: ClientMethodName) => structures[`params of ${name}`]!.encode(calls[name][0]);
  const subscribe = structures["result of inbox.subscribe"]!.encode(calls["inbox.subscribe"][1]);
  const linkBytes = structures["result of links.add"]!.encode(link);
  const event = encodeClientEvent(events[0]![1]);
  return {
    about: [
      "Every method of the homeserver interface: parameters and result; the request that carries them; the events.",
      "session: what a device signs to open its session: the handshake hash of its channel, as type client-session.",
    ],
    session: {
      signatureSeed: toHex(device.signatureSeed),
      signatureKey: toHex(device.certificate.signatureKey),
      handshakeHash: toHex(handshakeHash),
      signature: toHex(signature),
    },
    access: Object.fromEntries(Object.entries(clientMethods).map(([name, { access }]) => [name, access])),
    valid: [
      ...Object.entries(calls).flatMap(([name, [given, result]]) => [
        valid(`params of ${name}`, name, given),
        valid(`result of ${name}`, name, result),
      ]),
      valid("client request", "server.info", { method: "server.info", params: Uint8Array.of(0xa0) }),
      valid("result of rooms.append", "behind", { outcome: "behind", ...roomHead }),
      ...events.map(([name, one]) => valid("client event", name, one)),
    ],
    invalid: [
      invalid("client request", "no method", withoutField(request("server.info", {}), "method")),
      invalid(
        "client request",
        "parameters that are no bytes",
        withField(request("server.info", {}), "params", ""),
      ),
      invalid("client event", "an unknown kind", withField(event, "kind", "party")),
      invalid("client event", "a state that is none", withField(event, "state", "pending")),
      invalid(
        "params of session.open",
        "a signature of 63 bytes",
        withField(params("session.open"), "signature", new Uint8Array(63)),
      ),
      invalid("params of session.open", "no fencing number", withoutField(params("session.open"), "fencing")),
      invalid(
        "params of account.register",
        "a token of 65 bytes",
        withField(params("account.register"), "token", new Uint8Array(65)),
      ),
      invalid(
        "params of password.loginStart",
        "a handle in upper case",
        withField(params("password.loginStart"), "handle", "Alice"),
      ),
      invalid(
        "params of password.loginStart",
        "an OPAQUE message of 4,097 bytes",
        withField(params("password.loginStart"), "request", new Uint8Array(4_097)),
      ),
      invalid(
        "params of keyPackages.put",
        "101 packages",
        withField(params("keyPackages.put"), "packages", Array(101).fill(made("x"))),
      ),
      invalid("params of sealed.put", "a name that is empty", withField(params("sealed.put"), "name", "")),
      invalid(
        "params of envelopes.progress",
        "501 envelopes",
        withField(params("envelopes.progress"), "envelopes", Array(501).fill(made("x", 16))),
      ),
      invalid(
        "params of rooms.append",
        "a proof of 63 bytes",
        withField(params("rooms.append"), "proof", new Uint8Array(63)),
      ),
      invalid(
        "params of rooms.append",
        "no info, not even null",
        withoutField(params("rooms.append"), "info"),
      ),
      invalid("params of links.add", "no addresses", withoutField(params("links.add"), "addresses")),
      invalid(
        "result of inbox.subscribe",
        "an outcome that is none",
        withField(subscribe, "outcome", "maybe"),
      ),
      invalid("result of links.add", "trust of an unknown kind", withField(linkBytes, "trust", "total")),
    ],
  };
}

function request(method: ClientMethodName, params: object): Uint8Array {
  return encode(clientRequest, { method, params: structures[`params of ${method}`]!.encode(params) });
}
