/** Sender (RFC 9420 §6). */
import { type Codec, octetEnum } from "../codec/codec.ts";
import { type LeafIndex, leafIndex } from "../tree/math.ts";

export type Sender =
  | { readonly type: "member"; readonly leafIndex: LeafIndex }
  | { readonly type: "external"; readonly senderIndex: number }
  | { readonly type: "new_member_proposal" }
  | { readonly type: "new_member_commit" };

const senderType = octetEnum({ member: 1, external: 2, new_member_proposal: 3, new_member_commit: 4 });

export const sender: Codec<Sender> = {
  write(writer, value) {
    senderType.write(writer, value.type);
    if (value.type === "member") writer.uint32(value.leafIndex);
    if (value.type === "external") writer.uint32(value.senderIndex);
  },
  read(reader) {
    const type = senderType.read(reader);
    if (type === "member") return { type, leafIndex: leafIndex(reader.uint32()) };
    return type === "external" ? { type, senderIndex: reader.uint32() } : { type };
  },
};
