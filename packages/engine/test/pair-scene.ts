/** Two people and the room of two that they make, on any `RoomCrypto`. */
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { roomId } from "@fedchat/protocol";
import type { TestAccount } from "../../homeserver/test/test-account.ts";
import type { GroupState } from "../src/mls/group-records.ts";
import type { CreateRoom, MemberIdentity, RoomCommitOutcome, RoomCrypto } from "../src/mls/room-crypto.ts";
import { person } from "./room-people.ts";

export interface PairPerson extends MemberIdentity {
  readonly account: TestAccount;
}

export function pairPerson(handle: string): PairPerson {
  const account = person(handle);
  const { signatureSeed, certificate } = account.devices[0]!;
  return {
    account,
    signaturePrivateKey: signatureSeed,
    signaturePublicKey: nodePrimitives.ed25519.publicKey(signatureSeed),
    credential: certificate,
  };
}

const room = roomId.fromBytes(nodeRandom.bytes(16));

/** What accepting makes: the room of two before the other one is in it. */
export function pairTerms(creator: PairPerson, peer: PairPerson, groupId: Uint8Array): CreateRoom {
  return {
    ...{ room, groupId, suite: "hybrid", identity: creator },
    ...{ record: creator.account.signed, peer: peer.account.signed },
    ...{ name: "", join: "nobody", invite: "moderators", hubs: [creator.account.record.server] },
  };
}

/** The creator's Commit that takes a device in, which is not sent anywhere. */
export function takenIn(crypto: RoomCrypto, terms: CreateRoom, keyPackage: Uint8Array): RoomCommitOutcome {
  const created = crypto.create(terms);
  if (created.kind === "refused") throw new Error(created.reason);
  return crypto.commit(created.state, { add: [keyPackage] });
}

export function createdPair(
  crypto: RoomCrypto,
  { alice, bob, groupId }: { alice: PairPerson; bob: PairPerson; groupId: Uint8Array },
  joiners: RoomCrypto = crypto,
) {
  const { keyPackage, privatePart } = joiners.createKeyPackage(bob, "hybrid");
  const made = takenIn(crypto, pairTerms(alice, bob, groupId), keyPackage);
  if (made.kind === "refused") throw new Error(made.reason);
  const welcome = made.welcome!;
  const joined = joiners.join({ room, welcome, identity: bob, keyPackage, privatePart });
  if (joined.kind === "refused") throw new Error(joined.reason);
  return { room, aliceState: made.next, bobState: joined.state, joined };
}

/** What opened, or why nothing did. */
export function textIn(crypto: RoomCrypto, state: GroupState, message: Uint8Array): string {
  const outcome = crypto.receive(state, message);
  return outcome.kind === "application" ? new TextDecoder().decode(outcome.plaintext) : outcome.kind;
}
