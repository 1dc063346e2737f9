import { type Codec, decode, encode } from "../../src/codec/codec.ts";
import { Reader } from "../../src/codec/reader.ts";
import { Writer } from "../../src/codec/writer.ts";
import { ratchetTree } from "../../src/tree/ratchet-tree.ts";
import { commit } from "../../src/wire/commit.ts";
import { mlsMessage } from "../../src/wire/message.ts";
import { type Proposal, proposal } from "../../src/wire/proposal.ts";
import { PROPOSAL_TYPE, type ProposalKind } from "../../src/wire/proposal-type.ts";
import { groupSecrets } from "../../src/wire/welcome.ts";
import { hex, unhex } from "../vectors.ts";
import { publishedFile, same } from "./published-file.ts";

export const deserialization = publishedFile<{ vlbytes_header: string; length: number }>(
  "deserialization",
  "[RFC 9420 §2.1.2] length headers",
  ({ vlbytes_header, length }) => {
    same(new Reader(unhex(vlbytes_header)).length(), length, "read");
    const writer = new Writer();
    writer.length(length);
    same(writer.finish(), vlbytes_header, "written");
  },
);

/** The vectors hold a proposal's content without its type. */
const typed = (kind: ProposalKind, content: string): string =>
  `${PROPOSAL_TYPE[kind].toString(16).padStart(4, "0")}${content}`;

function roundTrip<T>(codec: Codec<T>, text: string, what: string): T {
  const value = decode(codec, unhex(text));
  same(hex(encode(codec, value)), text, what);
  return value;
}

export const messages = publishedFile<Record<string, string>>(
  "messages",
  "[RFC 9420 §6 to §12] every structure reads and writes to the same bytes",
  (c) => {
    for (const kind of ["welcome", "group_info", "key_package"]) {
      same(roundTrip(mlsMessage, c[`mls_${kind}`]!, kind).wireFormat, kind, "wire format");
    }
    for (const kind of ["application", "proposal", "commit"]) {
      const message = roundTrip(mlsMessage, c[`public_message_${kind}`]!, kind);
      same(message.wireFormat, "public_message", "wire format");
    }
    const message = roundTrip(mlsMessage, c["private_message"]!, "private message");
    same(message.wireFormat, "private_message", "wire format");
    roundTrip(ratchetTree, c["ratchet_tree"]!, "tree");
    roundTrip(groupSecrets, c["group_secrets"]!, "group secrets");
    roundTrip(commit, c["commit"]!, "commit");
    const kinds = { add: "add", update: "update", remove: "remove", psk: "pre_shared_key" };
    const more = { reinit: "re_init", external_init: "external_init" };
    const names = { ...kinds, ...more, group_context_extensions: "group_context_extensions" };
    for (const [kind, name] of Object.entries(names)) {
      const text = typed(kind as ProposalKind, c[`${name}_proposal`]!);
      const read: Proposal = roundTrip(proposal, text, kind);
      same(read.type, kind, "proposal type");
    }
  },
);
