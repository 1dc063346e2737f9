/** Small steps that many of the rule breaks share. */
import { encode } from "../src/codec/codec.ts";
import { EXTENSION, joinExternally, type Proposal, receive } from "../src/index.ts";
import { type ExternalSender, externalSenders } from "../src/wire/external-sender.ts";
import { type ForgedFraming, forgedProposal } from "./forge.ts";
import type { Scene } from "./rules.ts";
import { type Client, want } from "./world.ts";

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Bob receives without the harness taking anything over. */
export const bobGets = ({ bob, world }: Scene, bytes: Uint8Array) => receive(bob.state, bytes, world.env());

/** An outsider tries to come in with this GroupInfo. */
export function joinWith({ world }: Scene, info: Uint8Array, selfRemoves: Uint8Array[] = []) {
  const { identity } = world.client("dave");
  return joinExternally({ groupInfo: info, identity, selfRemoves }, world.env());
}

export function joinWithSelfRemove(s: Scene, framing: ForgedFraming) {
  return joinWith(s, s.alice.groupInfo(), [forgedProposal(s.bob, { type: "self_remove" }, framing)]);
}

export function externalSendersExtension(list: readonly ExternalSender[]) {
  return { type: EXTENSION.externalSenders, data: encode(externalSenders, list) };
}

/** Everyone takes a Commit of these proposals by this member. */
export function everyone(s: Scene, by: Client, ...proposals: readonly Proposal[]): void {
  const committed = by.commit({ proposals, wireFormat: "public_message" });
  for (const client of [s.alice, s.bob, s.carol]) {
    if (client !== by) want(client.receive(committed.commit), "commit");
  }
  by.accept(committed);
}
