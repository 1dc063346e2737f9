/** Who is in a group of two: what both ends check before anything is shown or sent. */
import { openAccountRecord, serverId } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import type { TestAccount, TestDevice } from "../../homeserver/test/test-account.ts";
import { changed, makeAccount, makeDevice } from "../../homeserver/test/test-account.ts";
import type { PairMember } from "../src/core/credentials.ts";
import { pairFault } from "../src/core/credentials.ts";

const server = serverId.fromBytes(random.bytes(32));
const account = (handle: string): TestAccount =>
  makeAccount({ primitives, random }, { server, handle, nowMs: 1_000, devices: 2 });
const [alice, bob, carol] = [account("alice"), account("bob"), account("carol")];
const publicKeyOf = (device: TestDevice) => primitives.ed25519.publicKey(device.signatureSeed);

function member(device: TestDevice, own: boolean, signatureKey = publicKeyOf(device)): PairMember {
  return { credential: device.certificate, signatureKey, own };
}

const [hers, his] = [alice.devices[0]!, bob.devices[0]!];
const identity = {
  signaturePrivateKey: hers.signatureSeed,
  signaturePublicKey: publicKeyOf(hers),
  credential: hers.certificate,
};
const fault = (members: PairMember[], peer = bob) =>
  pairFault(primitives, members, identity, openAccountRecord(primitives, peer.signed));

test("[X3] a pair is this device and one on the record of exactly the account that was asked", () => {
  expect(fault([member(hers, true), member(his, false)])).toBeUndefined();
  expect(fault([member(hers, true), member(bob.devices[1]!, false)])).toBeUndefined();
});

const revoked = changed({ primitives }, bob, { devices: [bob.devices[1]!.certificate] });
const uncertified = makeDevice({ primitives, random }, bob);
const forged: TestDevice = { ...his, certificate: his.certificate.with(60, his.certificate[60]! ^ 1) };
const strange = "the other member is not a device of the expected account";

const cases: [string, PairMember[], TestAccount, string][] = [
  ["one alone", [member(hers, true)], bob, "not a pair"],
  ["three", [member(hers, true), member(his, false), member(carol.devices[0]!, false)], bob, "not a pair"],
  ["two strangers", [member(his, false), member(carol.devices[0]!, false)], bob, "not a pair"],
  [
    "this device in another's name",
    [member(carol.devices[0]!, true), member(his, false)],
    bob,
    "this device stands there under another credential",
  ],
  ["another account's device", [member(hers, true), member(carol.devices[0]!, false)], bob, strange],
  ["a device that was revoked", [member(hers, true), member(his, false)], revoked, strange],
  [
    "a device with a certificate that is on no record",
    [member(hers, true), member(uncertified, false)],
    bob,
    strange,
  ],
  ["a certificate that its account did not sign", [member(hers, true), member(forged, false)], bob, strange],
  [
    "a certificate with another leaf key",
    [member(hers, true), member(his, false, publicKeyOf(carol.devices[0]!))],
    bob,
    strange,
  ],
];

test.each(cases)("[X3] %s is refused", (_what, members, peer, wrong) => {
  expect(fault(members, peer)).toBe(wrong);
});
