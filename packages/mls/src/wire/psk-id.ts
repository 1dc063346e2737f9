/** PreSharedKeyID (RFC 9420 §8.4, with the application type of draft-ietf-mls-extensions §4.4). */
import { type Codec, encode, octetEnum } from "../codec/codec.ts";
import { keyOf } from "../codec/bytes.ts";

export type PskSource =
  | { readonly type: "external"; readonly id: Uint8Array }
  | {
      readonly type: "resumption";
      readonly usage: "application" | "reinit" | "branch";
      readonly groupId: Uint8Array;
      readonly epoch: bigint;
    }
  | { readonly type: "application"; readonly componentId: number; readonly id: Uint8Array };

export interface PskId {
  readonly source: PskSource;
  readonly nonce: Uint8Array;
}

const sourceType = octetEnum({ external: 1, resumption: 2, application: 3 });
const usage = octetEnum({ application: 1, reinit: 2, branch: 3 });

export const pskId: Codec<PskId> = {
  write(writer, { source, nonce }) {
    sourceType.write(writer, source.type);
    switch (source.type) {
      case "external":
        writer.opaque(source.id);
        break;
      case "resumption":
        usage.write(writer, source.usage);
        writer.opaque(source.groupId);
        writer.uint64(source.epoch);
        break;
      case "application":
        writer.uint16(source.componentId);
        writer.opaque(source.id);
        break;
    }
    writer.opaque(nonce);
  },
  read(reader) {
    const type = sourceType.read(reader);
    let source: PskSource;
    switch (type) {
      case "external":
        source = { type, id: reader.opaque() };
        break;
      case "resumption":
        source = { type, usage: usage.read(reader), groupId: reader.opaque(), epoch: reader.uint64() };
        break;
      case "application":
        source = { type, componentId: reader.uint16(), id: reader.opaque() };
        break;
    }
    return { source, nonce: reader.opaque() };
  },
};

/** One string for one PreSharedKeyID, nonce included (RFC 9420 §12.2 compares the whole structure). */
export function pskIdKey(id: PskId): string {
  return keyOf(encode(pskId, id));
}
