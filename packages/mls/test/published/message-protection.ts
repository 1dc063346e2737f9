import { decode, encode } from "../../src/codec/codec.ts";
import type { CipherSuite } from "../../src/crypto/suite.ts";
import { DEFAULT_RETENTION } from "../../src/limits.ts";
import { Refusal } from "../../src/rules.ts";
import {
  contentSignatureIsValid,
  membershipTag,
  membershipTagIsValid,
  signContent,
} from "../../src/schedule/authentication.ts";
import { messageKeys } from "../../src/schedule/message-keys.ts";
import { openPrivate, openSenderData, sealPrivate } from "../../src/schedule/private-framing.ts";
import { leafIndex } from "../../src/tree/math.ts";
import { commit } from "../../src/wire/commit.ts";
import type { ContentBody, FramedContent } from "../../src/wire/framed-content.ts";
import { groupContextBytes } from "../../src/wire/group-context.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { proposal } from "../../src/wire/proposal.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import { unhex } from "../vectors.ts";
import { publishedFile, refuses, same } from "./published-file.ts";

type Case = Record<string, string> & { cipher_suite: number; epoch: number };

/** The sender of these vectors is leaf 1 of a group of two. */
const SENDER = { type: "member", leafIndex: leafIndex(1) } as const;

export const messageProtection = publishedFile<Case>(
  "message-protection",
  "[RFC 9420 §6] messages open as published; what we protect opens again, and not when changed",
  (c, suite) => {
    for (const name of ["proposal_pub", "proposal_priv", "commit_pub", "commit_priv", "application_priv"]) {
      same(bodyBytes(open(suite, c, unhex(c[name]!))), c[name.split("_")[0]!], name);
    }
    const random = seededRandom("protect");
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
      const confirmationTag = body.type === "commit" ? random.bytes(32) : undefined;
      opensAgain(suite, c, random, content, confirmationTag);
    }
  },
);

function opensAgain(
  suite: CipherSuite,
  c: Case,
  random: SeededRandom,
  content: FramedContent,
  confirmationTag: Uint8Array | undefined,
): void {
  const [key, context, { body }] = [unhex(c["signature_priv"]!), contextOf(c), content];
  const signature = signContent(suite, key, "private_message", content, context);
  const keys = messageKeys(2, unhex(c["encryption_secret"]!));
  const secret = unhex(c["sender_data_secret"]!);
  const auth = { signature, confirmationTag };
  const { message } = sealPrivate(suite, random, keys, secret, content, auth, (n) => n + 5);
  const bytes = encodeMessage({ wireFormat: "private_message", privateMessage: message });
  same(open(suite, c, bytes), body, "our private message");
  bytes[bytes.length - 1]! ^= 1;
  refuses(() => open(suite, c, bytes), Refusal, "a changed private message");
  if (body.type === "application") return;
  const publicAuth = {
    signature: signContent(suite, key, "public_message", content, context),
    confirmationTag,
  };
  const tag = membershipTag(suite, unhex(c["membership_key"]!), content, publicAuth, context);
  const publicMessage = { content, auth: publicAuth, membershipTag: tag };
  const framed = encodeMessage({ wireFormat: "public_message", publicMessage });
  same(open(suite, c, framed), body, "our public message");
}

function open(suite: CipherSuite, c: Case, bytes: Uint8Array): ContentBody {
  const message = decodeMessage(bytes);
  const context = contextOf(c);
  const signer = unhex(c["signature_pub"]!);
  if (message.wireFormat === "public_message") {
    const { content, auth } = message.publicMessage;
    const isTag = membershipTagIsValid(suite, unhex(c["membership_key"]!), message.publicMessage, context);
    same(isTag, true, "membership tag");
    const isSigned = contentSignatureIsValid(
      suite,
      signer,
      "public_message",
      content,
      context,
      auth.signature,
    );
    same(isSigned, true, "signature");
    return content.body;
  }
  if (message.wireFormat !== "private_message") throw new Error("not a framed message");
  const keys = messageKeys(2, unhex(c["encryption_secret"]!));
  const sender = openSenderData(suite, unhex(c["sender_data_secret"]!), message.privateMessage);
  same(sender.leafIndex, SENDER.leafIndex, "sender");
  const { content, auth } = openPrivate(suite, keys, sender, DEFAULT_RETENTION, message.privateMessage);
  const isSigned = contentSignatureIsValid(
    suite,
    signer,
    "private_message",
    content,
    context,
    auth.signature,
  );
  same(isSigned, true, "signature");
  return content.body;
}

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

function bodyBytes(body: ContentBody): Uint8Array {
  if (body.type === "application") return body.data;
  return body.type === "proposal" ? encode(proposal, body.proposal) : encode(commit, body.commit);
}
