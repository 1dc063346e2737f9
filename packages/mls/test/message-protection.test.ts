import { expect, test } from "vitest";
import { decode, encode } from "../src/codec/codec.ts";
import type { CipherSuite } from "../src/crypto/suite.ts";
import { DEFAULT_RETENTION } from "../src/limits.ts";
import { Refusal } from "../src/rules.ts";
import {
  contentSignatureIsValid,
  membershipTag,
  membershipTagIsValid,
  signContent,
} from "../src/schedule/authentication.ts";
import { messageKeys } from "../src/schedule/message-keys.ts";
import { openPrivate, openSenderData, sealPrivate } from "../src/schedule/private-framing.ts";
import { leafIndex } from "../src/tree/math.ts";
import { commit } from "../src/wire/commit.ts";
import type { ContentBody, FramedContent } from "../src/wire/framed-content.ts";
import { groupContextBytes } from "../src/wire/group-context.ts";
import { decodeMessage, encodeMessage } from "../src/wire/message.ts";
import { proposal } from "../src/wire/proposal.ts";
import { seededRandom, vectorSuites } from "./backends.ts";
import { hex, unhex, withVectors } from "./vectors.ts";

type Case = Record<string, string> & { cipher_suite: number; epoch: number };

const contextOf = (c: Case): Uint8Array =>
  groupContextBytes({
    version: 1,
    cipherSuite: c.cipher_suite,
    groupId: unhex(c["group_id"]!),
    epoch: BigInt(c.epoch),
    treeHash: unhex(c["tree_hash"]!),
    confirmedTranscriptHash: unhex(c["confirmed_transcript_hash"]!),
    extensions: [],
  });

const bodyHex = (body: ContentBody): string => {
  if (body.type === "application") return hex(body.data);
  return hex(body.type === "proposal" ? encode(proposal, body.proposal) : encode(commit, body.commit));
};

/** The sender of these vectors is leaf 1 of a group of two. */
const SENDER = { type: "member", leafIndex: leafIndex(1) } as const;

function open(suite: CipherSuite, c: Case, bytes: Uint8Array): ContentBody {
  const message = decodeMessage(bytes);
  const context = contextOf(c);
  if (message.wireFormat === "public_message") {
    expect(membershipTagIsValid(suite, unhex(c["membership_key"]!), message.publicMessage, context)).toBe(
      true,
    );
    const { content, auth } = message.publicMessage;
    const key = unhex(c["signature_pub"]!);
    expect(contentSignatureIsValid(suite, key, "public_message", content, context, auth.signature)).toBe(
      true,
    );
    return content.body;
  }
  if (message.wireFormat !== "private_message") throw new Error("not a framed message");
  const keys = messageKeys(2, unhex(c["encryption_secret"]!));
  const sender = openSenderData(suite, unhex(c["sender_data_secret"]!), message.privateMessage);
  expect(sender.leafIndex).toBe(1);
  const { content, auth } = openPrivate(suite, keys, sender, DEFAULT_RETENTION, message.privateMessage);
  const key = unhex(c["signature_pub"]!);
  expect(contentSignatureIsValid(suite, key, "private_message", content, context, auth.signature)).toBe(true);
  return content.body;
}

withVectors<Case>("message-protection", (cases) => {
  for (const suite of vectorSuites()) {
    const mine = cases.filter((c) => c.cipher_suite === suite.id);

    test(`[RFC 9420 §6] messages are opened as published: ${suite.backend} ${suite.id}`, () => {
      for (const c of mine) {
        for (const name of [
          "proposal_pub",
          "proposal_priv",
          "commit_pub",
          "commit_priv",
          "application_priv",
        ]) {
          expect(bodyHex(open(suite, c, unhex(c[name]!)))).toBe(c[name.split("_")[0]!]);
        }
      }
    });

    test(`[RFC 9420 §6] what we protect opens again, and not when changed: ${suite.backend} ${suite.id}`, () => {
      const random = seededRandom("protect");
      for (const c of mine) {
        const bodies: ContentBody[] = [
          { type: "proposal", proposal: decode(proposal, unhex(c["proposal"]!)) },
          { type: "commit", commit: decode(commit, unhex(c["commit"]!)) },
          { type: "application", data: unhex(c["application"]!) },
        ];
        for (const body of bodies) {
          const content: FramedContent = {
            groupId: unhex(c["group_id"]!),
            epoch: BigInt(c.epoch),
            sender: SENDER,
            authenticatedData: random.bytes(3),
            body,
          };
          const [key, context] = [unhex(c["signature_priv"]!), contextOf(c)];
          const confirmationTag = body.type === "commit" ? random.bytes(32) : undefined;
          const auth = {
            signature: signContent(suite, key, "private_message", content, context),
            confirmationTag,
          };
          const keys = messageKeys(2, unhex(c["encryption_secret"]!));
          const secret = unhex(c["sender_data_secret"]!);
          const { message } = sealPrivate(suite, random, keys, secret, content, auth, (n) => n + 5);
          const bytes = encodeMessage({ wireFormat: "private_message", privateMessage: message });
          expect(open(suite, c, bytes)).toEqual(body);
          bytes[bytes.length - 1]! ^= 1;
          expect(() => open(suite, c, bytes)).toThrow(Refusal);
          if (body.type === "application") continue;
          const signature = signContent(suite, key, "public_message", content, context);
          const publicAuth = { signature, confirmationTag };
          const tag = membershipTag(suite, unhex(c["membership_key"]!), content, publicAuth, context);
          const publicMessage = { content, auth: publicAuth, membershipTag: tag };
          expect(open(suite, c, encodeMessage({ wireFormat: "public_message", publicMessage }))).toEqual(
            body,
          );
        }
      }
    });
  }
});
