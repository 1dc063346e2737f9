/** Account notes: what opens, and every way in which one does not. */
import type { AccountNote, OpenedAccountRecord } from "@fedchat/protocol";
import {
  accountId,
  accountRecord,
  decodeSealedNote,
  encodeSealedNote,
  errorCodes,
  fingerprint,
  openAccountRecord,
  ProtocolError,
  requestId,
  serverId,
} from "@fedchat/protocol";
import { nodePrimitives as p, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { causeOf, causeOfCode, engineError } from "../src/core/causes.ts";
import { Changes } from "../src/core/changes.ts";
import { silentLog } from "../src/core/log.ts";
import { Notices } from "../src/core/notices.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { Cause } from "../src/interface/index.ts";
import { newDevice, newRequestKey } from "../src/core/new-keys.ts";
import { openNote, sealNote } from "../src/core/sealed-notes.ts";
import { matchOf } from "../src/core/search.ts";
import { StoreFullError } from "../src/store/database.ts";

const server = serverId.fromBytes(random.bytes(32));

function person(handle: string) {
  const seed = random.bytes(32);
  const account = accountId.fromBytes(p.ed25519.publicKey(seed));
  const device = newDevice(p, random, { account, accountSeed: seed, name: "box", nowMs: 1 });
  const requestKey = newRequestKey(p, random);
  const signed = accountRecord.sign(p, seed, {
    ...{ account, recoveryKeyHash: null, server, handle, displayName: handle },
    ...{ devices: [device.certificate], requestKey: requestKey.key, sequence: 1, issued: 1 },
  });
  return { account, seed, device, requestKey, record: openAccountRecord(p, signed) };
}

const alice = person("alice");
const bob = person("bob");
const stranger = person("stranger");

const note: AccountNote = {
  request: requestId.fromBytes(random.bytes(16)),
  sender: alice.record.signed,
  device: alice.device.device,
  to: bob.account,
  created: 1,
  content: { kind: "withdrawal" },
};

function sealed(
  changes: Partial<AccountNote> = {},
  by = alice.device.signatureSeed,
  to: OpenedAccountRecord = bob.record,
) {
  return sealNote(p, random, { note: { ...note, ...changes }, signatureSeed: by, recipient: to })!;
}

function open(payload: Uint8Array, from = alice.account, at = server) {
  const { key, seed } = bob.requestKey;
  const isOurs = (id: Uint8Array) => Buffer.compare(id, key.id) === 0;
  return openNote(p, { payload, from, server: at }, bob.account, (id) => (isOurs(id) ? seed : undefined));
}

describe("a sealed note", () => {
  test("[Q1] opens at whom it is for, and tells who wrote it", () => {
    const opened = open(sealed());
    expect(opened).toMatchObject({ request: note.request, content: { kind: "withdrawal" } });
    expect(opened.sender.record.account).toBe(alice.account);
    expect(opened.certificate.device).toBe(alice.device.device);
  });

  test("[Q2] is refused for whatever does not hold", () => {
    const changed = (change: (sealed: ReturnType<typeof decodeSealedNote>) => void) => {
      const parts = decodeSealedNote(sealed());
      const copy = {
        ...parts,
        ciphertext: parts.ciphertext.slice(),
        encapsulation: parts.encapsulation.slice(),
      };
      change(copy);
      return encodeSealedNote(copy);
    };
    const cases: [string, () => unknown][] = [
      ["sealed to a key that is not ours", () => open(sealed({}, undefined, stranger.record))],
      ["cannot be opened", () => open(changed((one) => (one.ciphertext[20]! ^= 1)))],
      ["cannot be opened", () => open(changed((one) => (one.encapsulation[20]! ^= 1)))],
      ["for another account", () => open(sealed({ to: stranger.account }))],
      ["sent in another's name", () => open(sealed(), stranger.account)],
      ["from another homeserver", () => open(sealed(), alice.account, serverId.fromBytes(random.bytes(32)))],
      ["signed by a device that is not on", () => open(sealed({ device: stranger.device.device }))],
      ["signature is wrong", () => open(sealed({}, stranger.device.signatureSeed))],
      ["account-record", () => open(sealed({ sender: random.bytes(100) }))],
      ["does not decode", () => open(random.bytes(100))],
    ];
    for (const [reason, attempt] of cases) {
      expect(attempt).toThrow(ProtocolError);
      expect(attempt).toThrow(reason);
    }
  });
});

describe("notices", () => {
  test("[L15] a warning of the homeserver is loud, names the keys and one thing to do, and is said once", () => {
    const store = openEngineStore(openSqliteDatabase(":memory:"));
    const clock = { now: () => 7, soon: (run: () => void) => run() };
    const changes = new Changes({ clock, log: silentLog });
    const notices = new Notices({ store, clock, changes });
    const other = serverId.fromBytes(random.bytes(32));
    const detail = `Known here: ${fingerprint(server)}; this one: ${fingerprint(other)} (bob).`;
    const warning = {
      kind: "warning",
      server: other,
      error: { code: "name-taken", retry: "never", detail },
    } as const;
    notices.warn(warning);
    notices.warn(warning);
    notices.warn({ kind: "warning", server: other, error: { code: "wrong-server-key", retry: "never" } });
    const [taken, changed, ...more] = store.notices.list();
    expect(more).toEqual([]);
    expect(taken).toMatchObject({ level: "danger", at: 7 });
    expect(JSON.parse(taken!.cause)).toMatchObject({
      sentence: expect.stringContaining(fingerprint(server)),
      fix: "Give one of the two a local name.",
    });
    expect(JSON.parse(taken!.cause).sentence).toContain(fingerprint(other));
    expect(JSON.parse(changed!.cause).sentence).toContain(fingerprint(other));
  });
});

describe("causes", () => {
  test("[E1] every code of the protocol has a sentence, and where something can be done, says what", () => {
    for (const code of errorCodes) {
      const cause = Cause.parse(causeOfCode(code));
      expect(cause.sentence).toMatch(/\.$/);
      expect(causeOf(new ProtocolError(code))).toEqual(cause);
    }
    expect(causeOf(engineError("no-account"))).toMatchObject({ code: "no-account", retry: "never" });
    const full = new StoreFullError("There is no room left here.");
    const sentence = "There is no room left here. Nothing was lost.";
    const inside = new ProtocolError("unreachable", undefined, { cause: full });
    for (const error of [full, inside])
      expect(causeOf(error)).toMatchObject({ code: "disk-full", sentence, fix: "Free some space." });
  });

  test("details for people are told, inner ones and unexpected errors are not", () => {
    expect(causeOf(new ProtocolError("name-taken", "Known here: abcd; this one: efgh.")).sentence).toContain(
      "abcd",
    );
    expect(causeOf(new ProtocolError("malformed", "account-record: does not decode")).sentence).not.toContain(
      "decode",
    );
    expect(causeOf(new Error("SELECT secret FROM identity"))).toEqual(causeOfCode("unexpected"));
  });
});

test.each([
  ["hello wor", '"hello" "wor"*'],
  ['say "hi" OR NEAR(x)', '"say" "hi" "OR" "NEAR" "x"*'],
  ["naïve", '"naïve"*'],
  ["c++ *", '"c"*'],
  ["?!", undefined],
])("searching for %s", (text, match) => {
  expect(matchOf(text)).toBe(match);
});
