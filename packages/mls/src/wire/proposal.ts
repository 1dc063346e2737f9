/** Proposal (RFC 9420 §12.1; draft-ietf-mls-extensions §4.6, §4.7, §6.3). */
import { type Codec, octetEnum } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { type LeafIndex, leafIndex } from "../tree/math.ts";
import { type Extension, extensions } from "./extension.ts";
import { type KeyPackage, keyPackage } from "./key-package.ts";
import { type LeafNode, leafNode } from "./leaf-node.ts";
import { PROPOSAL_TYPE, type ProposalKind } from "./proposal-type.ts";
import { type PskId, pskId } from "./psk-id.ts";

export type Proposal =
  | { readonly type: "add"; readonly keyPackage: KeyPackage }
  | { readonly type: "update"; readonly leafNode: LeafNode }
  | { readonly type: "remove"; readonly removed: LeafIndex }
  | { readonly type: "psk"; readonly psk: PskId }
  | ReInit
  | { readonly type: "external_init"; readonly kemOutput: Uint8Array }
  | { readonly type: "group_context_extensions"; readonly extensions: readonly Extension[] }
  | AppDataUpdate
  | { readonly type: "app_ephemeral"; readonly componentId: number; readonly data: Uint8Array }
  | { readonly type: "self_remove" };

/** RFC 9420 §12.1.5. */
export interface ReInit {
  readonly type: "reinit";
  readonly groupId: Uint8Array;
  readonly version: number;
  readonly cipherSuite: number;
  readonly extensions: readonly Extension[];
}

/** draft-ietf-mls-extensions §4.6. `update` undefined removes the component's data. */
export interface AppDataUpdate {
  readonly type: "app_data_update";
  readonly componentId: number;
  readonly update: Uint8Array | undefined;
}

const operation = octetEnum({ update: 1, remove: 2 });
const KINDS = new Map<number, ProposalKind>(
  Object.entries(PROPOSAL_TYPE).map(([kind, type]) => [type, kind as ProposalKind]),
);

export const proposal: Codec<Proposal> = {
  write(writer, value) {
    writer.uint16(PROPOSAL_TYPE[value.type]);
    switch (value.type) {
      case "add":
        return keyPackage.write(writer, value.keyPackage);
      case "update":
        return leafNode.write(writer, value.leafNode);
      case "remove":
        return writer.uint32(value.removed);
      case "psk":
        return pskId.write(writer, value.psk);
      case "reinit":
        writer.opaque(value.groupId);
        writer.uint16(value.version);
        writer.uint16(value.cipherSuite);
        return extensions.write(writer, value.extensions);
      case "external_init":
        return writer.opaque(value.kemOutput);
      case "group_context_extensions":
        return extensions.write(writer, value.extensions);
      case "app_data_update":
        writer.uint16(value.componentId);
        operation.write(writer, value.update === undefined ? "remove" : "update");
        if (value.update !== undefined) writer.opaque(value.update);
        return;
      case "app_ephemeral":
        writer.uint16(value.componentId);
        return writer.opaque(value.data);
      case "self_remove":
        return;
    }
  },

  read(reader) {
    const number = reader.uint16();
    const type = KINDS.get(number);
    switch (type) {
      case "add":
        return { type, keyPackage: keyPackage.read(reader) };
      case "update":
        return { type, leafNode: leafNode.read(reader) };
      case "remove":
        return { type, removed: leafIndex(reader.uint32()) };
      case "psk":
        return { type, psk: pskId.read(reader) };
      case "reinit":
        return {
          type,
          groupId: reader.opaque(),
          version: reader.uint16(),
          cipherSuite: reader.uint16(),
          extensions: extensions.read(reader),
        };
      case "external_init":
        return { type, kemOutput: reader.opaque() };
      case "group_context_extensions":
        return { type, extensions: extensions.read(reader) };
      case "app_data_update": {
        const componentId = reader.uint16();
        const update = operation.read(reader) === "update" ? reader.opaque() : undefined;
        return { type, componentId, update };
      }
      case "app_ephemeral":
        return { type, componentId: reader.uint16(), data: reader.opaque() };
      case "self_remove":
        return { type };
      case undefined:
        // A proposal carries no length: one of an unknown type cannot even be skipped.
        throw new DecodeError(`a proposal of the unknown type ${number}`);
    }
  },
};
