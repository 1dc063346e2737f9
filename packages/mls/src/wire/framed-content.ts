/** FramedContent, its authentication data and what is signed and MACed of it (RFC 9420 §6, §6.1). */
import { type Codec, encode, octetEnum } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import type { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { type Commit, commit } from "./commit.ts";
import { type Proposal, proposal } from "./proposal.ts";
import { type Sender, sender } from "./sender.ts";
import { MLS10 } from "./version.ts";

export type ContentBody =
  | { readonly type: "application"; readonly data: Uint8Array }
  | { readonly type: "proposal"; readonly proposal: Proposal }
  | { readonly type: "commit"; readonly commit: Commit };

export type ContentType = ContentBody["type"];

export interface FramedContent {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly authenticatedData: Uint8Array;
  readonly body: ContentBody;
}

export interface ContentAuth {
  readonly signature: Uint8Array;
  /** For Commits, and only for them. */
  readonly confirmationTag: Uint8Array | undefined;
}

/** Content with all that proves it; what transcripts and proposal references hash. */
export interface AuthenticatedContent {
  readonly wireFormat: ContentWireFormat;
  readonly content: FramedContent;
  readonly auth: ContentAuth;
}

export type ContentWireFormat = "public_message" | "private_message";

const WIRE_FORMAT = { public_message: 1, private_message: 2 } as const;

export const contentType = octetEnum<ContentType>({ application: 1, proposal: 2, commit: 3 });

export function writeBody(writer: Writer, body: ContentBody): void {
  if (body.type === "application") writer.opaque(body.data);
  else if (body.type === "proposal") proposal.write(writer, body.proposal);
  else commit.write(writer, body.commit);
}

export function readBody(reader: Reader, type: ContentType): ContentBody {
  if (type === "application") return { type, data: reader.opaque() };
  if (type === "proposal") return { type, proposal: proposal.read(reader) };
  return { type, commit: commit.read(reader) };
}

export const framedContent: Codec<FramedContent> = {
  write(writer, content) {
    writer.opaque(content.groupId);
    writer.uint64(content.epoch);
    sender.write(writer, content.sender);
    writer.opaque(content.authenticatedData);
    contentType.write(writer, content.body.type);
    writeBody(writer, content.body);
  },
  read(reader) {
    return {
      groupId: reader.opaque(),
      epoch: reader.uint64(),
      sender: sender.read(reader),
      authenticatedData: reader.opaque(),
      body: readBody(reader, contentType.read(reader)),
    };
  },
};

export function writeAuth(writer: Writer, auth: ContentAuth): void {
  writer.opaque(auth.signature);
  if (auth.confirmationTag !== undefined) writer.opaque(auth.confirmationTag);
}

export function readAuth(reader: Reader, type: ContentType): ContentAuth {
  const signature = reader.opaque();
  return { signature, confirmationTag: type === "commit" ? reader.opaque() : undefined };
}

export const authenticatedContent: Codec<AuthenticatedContent> = {
  write(writer, value) {
    writer.uint16(WIRE_FORMAT[value.wireFormat]);
    framedContent.write(writer, value.content);
    writeAuth(writer, value.auth);
  },
  read(reader) {
    const number = reader.uint16();
    const isPublic = number === WIRE_FORMAT.public_message;
    if (!isPublic && number !== WIRE_FORMAT.private_message) {
      throw new DecodeError(`content of the unknown wire format ${number}`);
    }
    const wireFormat = isPublic ? "public_message" : "private_message";
    const content = framedContent.read(reader);
    return { wireFormat, content, auth: readAuth(reader, content.body.type) };
  },
};

/** FramedContentTBS. `groupContext` is the encoded GroupContext of the content's epoch. */
export function writeFramedContentTbs(
  writer: Writer,
  wireFormat: ContentWireFormat,
  content: FramedContent,
  groupContext: Uint8Array,
): void {
  writer.uint16(MLS10);
  writer.uint16(WIRE_FORMAT[wireFormat]);
  framedContent.write(writer, content);
  const { type } = content.sender;
  if (type === "member" || type === "new_member_commit") writer.fixed(groupContext);
}

/** AuthenticatedContentTBM (RFC 9420 §6.2) of a PublicMessage. */
export function authenticatedContentTbm(
  content: FramedContent,
  auth: ContentAuth,
  groupContext: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writeFramedContentTbs(writer, "public_message", content, groupContext);
  writeAuth(writer, auth);
  return writer.finish();
}

/** ConfirmedTranscriptHashInput (RFC 9420 §8.2). */
export function confirmedTranscriptInput(
  wireFormat: ContentWireFormat,
  content: FramedContent,
  signature: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writer.uint16(WIRE_FORMAT[wireFormat]);
  framedContent.write(writer, content);
  writer.opaque(signature);
  return writer.finish();
}

/** ProposalRef (RFC 9420 §5.2): the hash of the AuthenticatedContent in which a proposal came. */
export function proposalRef(suite: CipherSuite, value: AuthenticatedContent): Uint8Array {
  return suite.refHash("MLS 1.0 Proposal Reference", encode(authenticatedContent, value));
}
