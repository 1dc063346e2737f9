/**
 * What is kept beside a message so that it can be handed on: its signature, its place, and the bytes around its
 * content, which lies with the message itself. [Z4]
 */
import type { DeviceId, MessageId, RoomId, RoomItem } from "@fedchat/protocol";
import type { MessageProof } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { ProofRow } from "../store/proofs-table.ts";
import { isEqual } from "./credentials.ts";

type MessageItem = Extract<RoomItem, { kind: "message" }>;

/** Within the transaction that keeps the message. */
export function keepProof(
  { proofs }: Pick<EngineStore, "proofs">,
  from: { room: RoomId; device: DeviceId; created: number },
  {
    id,
    item: { counter, previous, content },
    plaintext,
    proof,
  }: {
    id: MessageId;
    item: MessageItem;
    plaintext: Uint8Array;
    proof: MessageProof;
  },
): void {
  const at = placeOf(content, plaintext);
  const { groupId, leaf, signature, context } = proof;
  const epoch = Number(proof.epoch);
  if (proofs.epoch(groupId, epoch) === undefined) proofs.putEpoch(groupId, epoch, context, false);
  const around = { head: plaintext.slice(0, at), tail: plaintext.slice(at + content.length) };
  proofs.put({ ...from, counter, message: id, previous, groupId, epoch, leaf, ...around, signature });
}

/** The item as it was signed. */
export function wholeItem({ head, tail }: Pick<ProofRow, "head" | "tail">, content: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + content.length + tail.length);
  whole.set(head);
  whole.set(content, head.length);
  whole.set(tail, head.length + content.length);
  return whole;
}

/** Where the content stands in its item; it is the longest thing in it, and all before it is short. */
function placeOf(content: Uint8Array, item: Uint8Array): number {
  for (let at = 0; at + content.length <= item.length; at++) {
    if (item[at] === content[0] && isEqual(item.subarray(at, at + content.length), content)) return at;
  }
  throw new Error("assertion: an item holds its content");
}
