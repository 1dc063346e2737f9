/** LeafNode (RFC 9420 §7.2): a client's appearance in a group, signed by it. */
import { type Codec, encode, octetEnum, opaque, uint32 } from "../codec/codec.ts";
import type { Writer } from "../codec/writer.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import type { LeafIndex } from "../tree/math.ts";
import { type Capabilities, capabilities } from "./capabilities.ts";
import { type Credential, credential } from "./credential.ts";
import { type Extension, extensions } from "./extension.ts";
import { type Lifetime, lifetime } from "./lifetime.ts";

export interface LeafNode extends UnsignedLeafNode {
  readonly signature: Uint8Array;
}

export interface UnsignedLeafNode {
  readonly encryptionKey: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  readonly source: LeafNodeSource;
  readonly extensions: readonly Extension[];
}

/** How the leaf came into the tree. */
type LeafNodeSource =
  | { readonly kind: "key_package"; readonly lifetime: Lifetime }
  | { readonly kind: "update" }
  | { readonly kind: "commit"; readonly parentHash: Uint8Array };

/** Where a leaf signed for a group stands; leaves of key packages are signed for none. */
export interface LeafPlace {
  readonly groupId: Uint8Array;
  readonly leafIndex: LeafIndex;
}

const sourceKind = octetEnum({ key_package: 1, update: 2, commit: 3 });

const source: Codec<LeafNodeSource> = {
  write(writer, value) {
    sourceKind.write(writer, value.kind);
    if (value.kind === "key_package") lifetime.write(writer, value.lifetime);
    if (value.kind === "commit") writer.opaque(value.parentHash);
  },
  read(reader) {
    const kind = sourceKind.read(reader);
    if (kind === "key_package") return { kind, lifetime: lifetime.read(reader) };
    return kind === "commit" ? { kind, parentHash: reader.opaque() } : { kind };
  },
};

/** Leaves never change, and are hashed and sent often: their encoding is kept beside them. */
const encodings = new WeakMap<LeafNode, Uint8Array>();

export const leafNode: Codec<LeafNode> = {
  write(writer, leaf) {
    writer.fixed(leafNodeBytes(leaf));
  },
  read(reader) {
    const start = reader.position();
    const leaf: LeafNode = {
      encryptionKey: reader.opaque(),
      signatureKey: reader.opaque(),
      credential: credential.read(reader),
      capabilities: capabilities.read(reader),
      source: source.read(reader),
      extensions: extensions.read(reader),
      signature: reader.opaque(),
    };
    encodings.set(leaf, reader.since(start));
    return leaf;
  },
};

export function leafNodeBytes(leaf: LeafNode): Uint8Array {
  const known = encodings.get(leaf);
  if (known !== undefined) return known;
  const bytes = encode(signedFields, leaf);
  encodings.set(leaf, bytes);
  return bytes;
}

const signedFields: Codec<LeafNode> = {
  write(writer, leaf) {
    writeUnsigned(writer, leaf);
    opaque.write(writer, leaf.signature);
  },
  read: (reader) => leafNode.read(reader),
};

function writeUnsigned(writer: Writer, leaf: UnsignedLeafNode): void {
  writer.opaque(leaf.encryptionKey);
  writer.opaque(leaf.signatureKey);
  credential.write(writer, leaf.credential);
  capabilities.write(writer, leaf.capabilities);
  source.write(writer, leaf.source);
  extensions.write(writer, leaf.extensions);
}

/** LeafNodeTBS. */
const tbs = {
  write(writer: Writer, [leaf, place]: readonly [UnsignedLeafNode, LeafPlace | undefined]): void {
    writeUnsigned(writer, leaf);
    if (leaf.source.kind === "key_package") return;
    if (place === undefined)
      throw new Error("a leaf of an update or commit is signed for its place in a group");
    opaque.write(writer, place.groupId);
    uint32.write(writer, place.leafIndex);
  },
  read(): never {
    throw new Error("LeafNodeTBS is only ever written");
  },
};

export function signLeafNode(
  suite: CipherSuite,
  signaturePrivateKey: Uint8Array,
  leaf: UnsignedLeafNode,
  place?: LeafPlace,
): LeafNode {
  const signature = suite.signWithLabel(signaturePrivateKey, "LeafNodeTBS", encode(tbs, [leaf, place]));
  return { ...leaf, signature };
}

export function leafNodeSignatureIsValid(suite: CipherSuite, leaf: LeafNode, place?: LeafPlace): boolean {
  return suite.verifyWithLabel(leaf.signatureKey, "LeafNodeTBS", encode(tbs, [leaf, place]), leaf.signature);
}
