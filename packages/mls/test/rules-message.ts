/** Ways to break the rules of framing (RFC 9420 §6). */
import { encrypt, leafIndex, propose, receive } from "../src/index.ts";
import { appDataExtension, COMPONENT } from "../src/wire/app-data.ts";
import { decodeMessage, encodeMessage } from "../src/wire/message.ts";
import { sealPrivate } from "../src/schedule/private-framing.ts";
import { keyFor } from "../src/schedule/message-keys.ts";
import { flipped, forged, forgedCommit, forgedPath, forgedProposal, suiteFor } from "./forge.ts";
import type { Breaks, Scene } from "./rules.ts";
import {
  bobGets,
  everyone,
  externalSendersExtension,
  joinWith,
  joinWithSelfRemove,
  text,
} from "./rule-steps.ts";
import { groupOf, remove, want, World } from "./world.ts";

/** A PrivateMessage of whatever sender, sealed with the group's own secrets. */
function sealedAs({ alice, world }: Scene, sender: number) {
  const suite = suiteFor(alice);
  const { context, messageKeys, secrets } = alice.state;
  const content = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { type: "member", leafIndex: leafIndex(sender) },
    authenticatedData: new Uint8Array(0),
    body: { type: "application", data: text("x") },
  } as const;
  const auth = { signature: new Uint8Array(64), confirmationTag: undefined };
  const sealed = sealPrivate(
    suite,
    world.random,
    messageKeys,
    secrets.senderDataSecret,
    content,
    auth,
    (n) => n,
  );
  return encodeMessage({ wireFormat: "private_message", privateMessage: sealed.message });
}

export const messageBreaks = {
  "message.malformed": (s) => [
    bobGets(s, text("no message")),
    bobGets(s, flipped(s.alice.send("x")).subarray(0, 40)),
    bobGets(s, new Uint8Array(0)),
  ],
  "message.kind": (s) => [bobGets(s, s.alice.groupInfo()), joinWith(s, s.alice.send("x"))],
  "message.group": (s) => joinWithSelfRemove(s, { groupId: text("another") }),
  "message.epoch": (s) => joinWithSelfRemove(s, { epoch: 99n }),
  "message.signature": (s) => {
    const stranger = s.world.client("mallory").identity.signaturePrivateKey;
    return [
      bobGets(s, forgedProposal(s.alice, remove(leafIndex(2)), { signaturePrivateKey: stranger })),
      bobGets(
        s,
        forgedProposal(s.alice, remove(leafIndex(2)), {
          wireFormat: "private_message",
          signaturePrivateKey: stranger,
        }),
      ),
      bobGets(s, sealedAs(s, 2)),
      joinWithSelfRemove(s, { signaturePrivateKey: stranger }),
    ];
  },
  "message.membership-tag": (s) => bobGets(s, flipped(forgedProposal(s.alice, remove(leafIndex(2))))),
  "message.application-public": (s) => bobGets(s, forged(s.alice, { type: "application", data: text("x") })),
  "message.sender-blank": (s) => [
    bobGets(s, sealedAs(s, 3)),
    bobGets(
      s,
      forgedProposal(s.alice, remove(leafIndex(2)), { sender: { type: "member", leafIndex: leafIndex(3) } }),
    ),
  ],
  "message.sender-type": (s) => [
    bobGets(s, forgedProposal(s.alice, remove(leafIndex(2)), { sender: { type: "new_member_proposal" } })),
    bobGets(s, forgedProposal(s.alice, remove(leafIndex(2)), { sender: { type: "new_member_commit" } })),
    bobGets(
      s,
      forgedCommit(s.alice, [], forgedPath(s.alice), { sender: { type: "external", senderIndex: 0 } }),
    ),
  ],
  "message.sender-data": (s) => {
    const message = decodeMessage(s.alice.send("x"));
    if (message.wireFormat !== "private_message") throw new Error("not private");
    const { encryptedSenderData } = message.privateMessage;
    const privateMessage = { ...message.privateMessage, encryptedSenderData: flipped(encryptedSenderData) };
    return bobGets(s, encodeMessage({ wireFormat: "private_message", privateMessage }));
  },
  "message.ciphertext": (s) => bobGets(s, flipped(s.alice.send("x"))),
  "message.generation-used": (s) => {
    const suite = suiteFor(s.alice);
    s.bob.read(s.alice.send("x"));
    const retention = { epochs: 1, skippedGenerations: 1, forwardGenerations: 1 };
    const miss = keyFor(suite, s.bob.state.messageKeys, leafIndex(0), "application", 0, retention);
    return { kind: "refused", rule: typeof miss === "string" ? miss : "none" };
  },
  "message.generation-far": (s) => {
    const retention = { epochs: 1, skippedGenerations: 5, forwardGenerations: 3 };
    let last = s.alice.send("x");
    for (let i = 0; i < 4; i += 1) last = s.alice.send("x");
    return receive(s.bob.state, last, s.world.env({ retention }));
  },
  "message.proposals-pending": (s) => {
    s.alice.propose({ type: "remove", removed: leafIndex(2) });
    return encrypt(s.alice.state, { data: text("x") }, s.world.env());
  },
  "message.authenticated-data": () => {
    const world = new World({ seed: "safe aad" });
    const [alice, bob] = groupOf(world, "alice", "bob");
    const safe = appDataExtension([{ componentId: COMPONENT.safeAad, data: Uint8Array.of(0) }]);
    const extensions = { type: "group_context_extensions", extensions: [safe] } as const;
    const committed = alice.commit({ proposals: [extensions] });
    want(bob.receive(committed.commit), "commit");
    alice.accept(committed);
    const authenticatedData = text("free text");
    const wrong = { type: "application", data: text("x") } as const;
    const bytes = forged(alice, wrong, { wireFormat: "private_message", authenticatedData });
    return [
      encrypt(alice.state, { data: text("x"), authenticatedData }, world.env()),
      receive(bob.state, bytes, world.env()),
    ];
  },
  "proposal.self-remove-public": (s) => [
    bobGets(s, forgedProposal(s.alice, { type: "self_remove" }, { wireFormat: "private_message" })),
    joinWith(s, s.alice.groupInfo(), [
      forgedProposal(s.bob, { type: "self_remove" }, { wireFormat: "private_message" }),
    ]),
  ],
  "proposal.update-by-member": (s) => {
    const { world, alice } = s;
    const outsider = { type: "external", senderIndex: 0 } as const;
    const { signaturePrivateKey } = world.client("bot").identity;
    const signatureKey = suiteFor(alice).signaturePublicKey(signaturePrivateKey);
    const credential = { type: "basic", identity: text("bot") } as const;
    const senders = externalSendersExtension([{ signatureKey, credential }]);
    everyone(s, alice, { type: "group_context_extensions", extensions: [senders] });
    return bobGets(
      s,
      forgedProposal(alice, { type: "self_remove" }, { sender: outsider, signaturePrivateKey }),
    );
  },
  "list.external-init": (s) => [
    bobGets(s, forgedProposal(s.alice, { type: "external_init", kemOutput: text("x") })),
    bobGets(s, forgedCommit(s.alice, [{ type: "external_init", kemOutput: text("x") }], forgedPath(s.alice))),
    propose(s.alice.state, { proposal: { type: "external_init", kemOutput: text("x") } }, s.world.env()),
  ],
} satisfies Breaks;
