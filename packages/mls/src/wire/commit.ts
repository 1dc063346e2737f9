/** Commit (RFC 9420 §12.4). */
import { type Codec, octetEnum, optional, struct, vector } from "../codec/codec.ts";
import { type Proposal, proposal } from "./proposal.ts";
import { type UpdatePath, updatePath } from "./update-path.ts";

export type ProposalOrRef =
  | { readonly type: "proposal"; readonly proposal: Proposal }
  | { readonly type: "reference"; readonly reference: Uint8Array };

export interface Commit {
  readonly proposals: readonly ProposalOrRef[];
  readonly path: UpdatePath | undefined;
}

const kind = octetEnum({ proposal: 1, reference: 2 });

const proposalOrRef: Codec<ProposalOrRef> = {
  write(writer, value) {
    kind.write(writer, value.type);
    if (value.type === "proposal") proposal.write(writer, value.proposal);
    else writer.opaque(value.reference);
  },
  read(reader) {
    const type = kind.read(reader);
    if (type === "proposal") return { type, proposal: proposal.read(reader) };
    return { type, reference: reader.opaque() };
  },
};

export const commit: Codec<Commit> = struct<Commit>({
  proposals: vector(proposalOrRef),
  path: optional(updatePath),
});
