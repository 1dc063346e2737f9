/**
 * The body of a MIMI message: a tree of parts (draft-ietf-mimi-content-09, "Message Bodies"). Everything textual
 * in it (language, media type, URL, file name) is what the sender wrote: valid UTF-8 and nothing more is known.
 */
import { anyText, array, bytes, checked, DecodeError, uint, type Codec } from "../cbor/codec.ts";
import { numbered, positional } from "../cbor/positional.ts";
import { contentBytesMax, partNestingMax, partsMax } from "./limits.ts";

export type NestedPart = NullPart | SinglePart | ExternalPart | MultiPart;

/** Nothing: what remains of a deleted message or reaction. */
export interface NullPart extends PartBase {
  cardinality: "null";
}

/** Content carried in the message itself. */
export interface SinglePart extends PartBase {
  cardinality: "single";
  contentType: string;
  content: Uint8Array;
}

/** Content that lies elsewhere, as a rule encrypted. */
export interface ExternalPart extends PartBase {
  cardinality: "external";
  contentType: string;
  url: string;
  /** Unix seconds, or 0 for never. */
  expires: number;
  /** Bytes, or 0 where the sender does not say. */
  size: number;
  /** IANA AEAD number: 0 for none, 1 for AES-128-GCM. */
  encAlg: number;
  key: Uint8Array;
  nonce: Uint8Array;
  aad: Uint8Array;
  /** IANA named information hash algorithm: 0 for none, 1 for SHA-256. */
  hashAlg: number;
  /** Of what lies at the URL. */
  contentHash: Uint8Array;
  description: string;
  filename: string;
}

export interface MultiPart extends PartBase {
  cardinality: "multi";
  /** The receiver shows one part of its choice, all or none, or each one that it can. */
  partSemantics: "chooseOne" | "singleUnit" | "processAll";
  /** Two or more. */
  parts: NestedPart[];
}

interface PartBase {
  /** What the part is for: one of `disposition`, or an unregistered number up to 255. */
  disposition: number;
  /** Empty, or language tags (RFC 5646) with commas between. */
  language: string;
}

/** The registered dispositions. */
export const disposition = {
  unspecified: 0,
  render: 1,
  reaction: 2,
  profile: 3,
  inline: 4,
  icon: 5,
  attachment: 6,
  session: 7,
  preview: 8,
} as const;

/** All parts depth first: a part's place in this order is its part index, which `cid:` URLs name. */
export function* partsOf(part: NestedPart): Generator<NestedPart> {
  yield part;
  if (part.cardinality === "multi") for (const inner of part.parts) yield* partsOf(inner);
}

const words = anyText({ max: contentBytesMax });
const blob = bytes({ max: contentBytesMax });
const unsigned = (bits: 8 | 16 | 32) => uint({ max: 2 ** bits - 1 });

const common = { disposition: unsigned(8), language: words };

const nullPart: Codec<NullPart> = positional({ ...common, cardinality: numbered({ null: 0 }) });

const singlePart: Codec<SinglePart> = positional({
  ...common,
  cardinality: numbered({ single: 1 }),
  contentType: words,
  content: blob,
});

const externalPart: Codec<ExternalPart> = checked(
  positional({
    ...common,
    cardinality: numbered({ external: 2 }),
    contentType: words,
    url: words,
    expires: unsigned(32),
    size: uint(),
    encAlg: unsigned(16),
    key: blob,
    nonce: blob,
    aad: blob,
    hashAlg: unsigned(8),
    contentHash: blob,
    description: words,
    filename: words,
  }),
  (part) => {
    const { encAlg, key, nonce, aad, hashAlg, contentHash } = part;
    if (encAlg === 0 && key.length + nonce.length + aad.length > 0) return "has a key but no algorithm";
    if (encAlg === 1 && (key.length !== 16 || nonce.length !== 12)) return "has no AES-128-GCM key and nonce";
    if (hashAlg === 0 && contentHash.length > 0) return "has a hash but no algorithm";
    if (hashAlg === 1 && contentHash.length !== 32) return "has no SHA-256 hash";
    return undefined;
  },
);

const multiPart = (inner: Codec<NestedPart>): Codec<MultiPart> =>
  positional({
    ...common,
    cardinality: numbered({ multi: 3 }),
    partSemantics: numbered({ chooseOne: 0, singleUnit: 1, processAll: 2 }),
    parts: array(inner, { min: 2, max: partsMax }),
  });

function partAtLevel(level: number): Codec<NestedPart> {
  if (level > partNestingMax) return tooDeep;
  const variants = {
    null: nullPart,
    single: singlePart,
    external: externalPart,
    multi: multiPart(partAtLevel(level + 1)),
  };
  const byNumber = new Map<unknown, Codec<NestedPart>>([
    [0, variants.null],
    [1, variants.single],
    [2, variants.external],
    [3, variants.multi],
  ]);
  return {
    toCbor: (part) => (variants[part.cardinality] as Codec<NestedPart>).toCbor(part),
    fromCbor(value, where) {
      if (!Array.isArray(value)) throw new DecodeError(where, "is not an array");
      const variant = byNumber.get(value[2]);
      if (variant === undefined) throw new DecodeError(`${where}.cardinality`, "is none of 0, 1, 2, 3");
      return variant.fromCbor(value, where);
    },
  };
}

const tooDeep: Codec<NestedPart> = {
  toCbor() {
    throw new TypeError(`cannot encode parts nested deeper than ${partNestingMax}`);
  },
  fromCbor(_value, where) {
    throw new DecodeError(where, `is nested deeper than ${partNestingMax}`);
  },
};

/** A message's body. */
export const nestedPart: Codec<NestedPart> = checked(partAtLevel(1), (part) => {
  let count = 0;
  for (const _ of partsOf(part)) {
    if (++count > partsMax) return `has more than ${partsMax} parts`;
  }
  return undefined;
});
