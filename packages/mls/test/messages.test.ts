import { expect, test } from "vitest";
import { type Codec, decode, encode } from "../src/codec/codec.ts";
import { ratchetTree } from "../src/tree/ratchet-tree.ts";
import { commit } from "../src/wire/commit.ts";
import { mlsMessage } from "../src/wire/message.ts";
import { type Proposal, proposal } from "../src/wire/proposal.ts";
import { PROPOSAL_TYPE, type ProposalKind } from "../src/wire/proposal-type.ts";
import { groupSecrets } from "../src/wire/welcome.ts";
import { hex, unhex, withVectors } from "./vectors.ts";

/** The vectors hold a proposal's content without its type. */
const typed = (kind: ProposalKind, content: string): string =>
  `${PROPOSAL_TYPE[kind].toString(16).padStart(4, "0")}${content}`;

function roundTrip<T>(codec: Codec<T>, text: string): T {
  const value = decode(codec, unhex(text));
  expect(hex(encode(codec, value))).toBe(text);
  return value;
}

withVectors<Record<string, string>>("messages", (cases) => {
  test("[RFC 9420 §6 to §12] every structure reads and writes to the same bytes", () => {
    for (const c of cases) {
      expect(roundTrip(mlsMessage, c["mls_welcome"]!).wireFormat).toBe("welcome");
      expect(roundTrip(mlsMessage, c["mls_group_info"]!).wireFormat).toBe("group_info");
      expect(roundTrip(mlsMessage, c["mls_key_package"]!).wireFormat).toBe("key_package");
      for (const kind of ["application", "proposal", "commit"]) {
        expect(roundTrip(mlsMessage, c[`public_message_${kind}`]!).wireFormat).toBe("public_message");
      }
      expect(roundTrip(mlsMessage, c["private_message"]!).wireFormat).toBe("private_message");
      roundTrip(ratchetTree, c["ratchet_tree"]!);
      roundTrip(groupSecrets, c["group_secrets"]!);
      roundTrip(commit, c["commit"]!);
      const kinds = { add: "add", update: "update", remove: "remove", psk: "pre_shared_key" };
      const more = { reinit: "re_init", external_init: "external_init" };
      const names = { ...kinds, ...more, group_context_extensions: "group_context_extensions" };
      for (const [kind, name] of Object.entries(names)) {
        const read: Proposal = roundTrip(proposal, typed(kind as ProposalKind, c[`${name}_proposal`]!));
        expect(read.type).toBe(kind);
      }
    }
  });
});
