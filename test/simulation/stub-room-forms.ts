/** What the stub of rooms sends and stores: the structures of MLS as far as it has them, in CBOR, in the clear. */
import type { Codec, TypeOf } from "@fedchat/protocol";
import {
  array,
  bytes,
  decode,
  DecodeError,
  encode,
  literals,
  nullable,
  readMlsHead,
  struct,
  tagged,
  uint,
} from "@fedchat/protocol";
import {
  authenticatedDataBytesMax,
  credentialBytesMax,
  keyPackageBytesMax,
  plaintextBytesMax,
  roomHandshakeBytesMax,
  roomPastEpochs,
  skippedKeysMax,
} from "../../packages/engine/src/mls/limits.ts";
import {
  participantsMax,
  roomStateBytesMax,
  roomUpdateBytesMax,
} from "../../packages/engine/src/room-state/limits.ts";

const hash = bytes(32);
const signature = bytes(64);
const leafIndex = uint({ max: 65_535 });
const membersMax = participantsMax;
const credential = bytes({ max: credentialBytesMax });

const leaf = struct({
  index: leafIndex,
  credential,
  signatureKey: bytes(32),
  /** Public: what is sealed for this leaf names it. */
  path: hash,
});
export type Leaf = Readonly<TypeOf<typeof leaf>>;

/** What all members of an epoch hold alike. */
export const contextForm = struct({
  group: bytes(32),
  suite: literals("hybrid", "classical"),
  epoch: uint(),
  /** An encoded room state. */
  room: bytes({ max: roomStateBytesMax }),
  leaves: array(leaf, { min: 1, max: membersMax }),
  transcript: hash,
});
export type Context = Readonly<TypeOf<typeof contextForm>>;

export const keyPackageForm = struct({
  credential,
  signatureKey: bytes(32),
  suite: literals("hybrid", "classical"),
  init: hash,
  path: hash,
  notBefore: uint(),
  notAfter: uint(),
  signature,
});
export type KeyPackage = Readonly<TypeOf<typeof keyPackageForm>>;

export const commitForm = struct({
  proposals: array(
    tagged("kind", {
      update: struct({ update: bytes({ max: roomUpdateBytesMax }) }),
      remove: struct({ leaf: leafIndex }),
      add: struct({ keyPackage: bytes({ max: keyPackageBytesMax }) }),
      waiting: struct({ reference: hash }),
    }),
    { max: membersMax },
  ),
  path: struct({
    public: hash,
    /** One for each member that stays, to the leaf's public part. */
    secrets: array(struct({ leaf: leafIndex, to: hash, secret: hash }), { max: membersMax }),
  }),
  /** Only whoever came to the same epoch has the same. */
  confirmation: hash,
});
export type Commit = Readonly<TypeOf<typeof commitForm>>;

/** Behind a head that servers read. */
export const sealedForm = struct({
  /** Stands for the epoch's secret: whoever does not hold that does not open this. */
  tag: hash,
  sender: leafIndex,
  generation: uint(),
  authenticatedData: bytes({ max: authenticatedDataBytesMax }),
  content: bytes({ max: Math.max(plaintextBytesMax, roomHandshakeBytesMax) }),
  /** Of a message: by what it can be handed on. */
  proof: signature,
  signature,
});
export type Sealed = Readonly<TypeOf<typeof sealedForm>>;

/** What is for those who know the room's `infoKey`. */
export const forKeyForm = struct({
  kind: literals("info", "message"),
  group: bytes(32),
  epoch: uint(),
  /** Stands for the key. */
  tag: hash,
  content: bytes({ max: 4 * roomHandshakeBytesMax }),
});

export const externalCommitForm = struct({
  joiner: struct({ credential, signatureKey: bytes(32) }),
  /** The device's former leaf. */
  replaces: nullable(leafIndex),
  /** To the epoch that it ends. */
  init: struct({ to: hash, secret: hash }),
  commit: bytes({ max: roomHandshakeBytesMax }),
  signature,
});
export type ExternalCommit = Readonly<TypeOf<typeof externalCommitForm>>;

export const infoForm = struct({
  context: contextForm,
  /** Public: what an external commit begins with is sealed to it. */
  external: hash,
  /** Seed of the access key. */
  access: hash,
  signer: leafIndex,
  signature,
});

export const welcomeForm = struct({
  /** Of the key packages that it is for, with what they were known by. */
  joiners: array(struct({ reference: hash, init: hash }), { min: 1, max: membersMax }),
  context: contextForm,
  secret: hash,
  signer: leafIndex,
  signature,
});

export const waitingForm = struct({
  reference: hash,
  sender: leafIndex,
  update: bytes({ max: roomUpdateBytesMax }),
});
export type Waiting = Readonly<TypeOf<typeof waitingForm>>;

const ratchet = struct({
  leaf: leafIndex,
  of: literals("application", "handshake"),
  /** The lowest generation that was never reached. */
  next: uint(),
  /** Those below it that have not come. */
  missing: array(uint(), { max: skippedKeysMax }),
});
export type Ratchet = Readonly<TypeOf<typeof ratchet>>;

export const keysForm = struct({
  application: uint(),
  handshake: uint(),
  received: array(ratchet, { max: 2 * membersMax }),
});

export const epochForm = struct({ context: contextForm, secret: hash });

export const selfForm = struct({
  epoch: uint(),
  past: array(uint(), { max: roomPastEpochs }),
  leaf: leafIndex,
  leafPrivate: hash,
  signaturePrivateKey: bytes(32),
  waiting: array(waitingForm, { max: membersMax }),
});

export type ContentType = "application" | "proposal" | "commit";

/** RFC 9420 §6, §6.3: `mls10`, PrivateMessage, group_id<V>, epoch, content_type, as servers read it. */
export function headOf(group: Uint8Array, epoch: number, content: ContentType): Uint8Array {
  const head = new Uint8Array(4 + 1 + group.length + 8 + 1);
  head.set([0, 1, 0, 2, group.length]);
  head.set(group, 5);
  new DataView(head.buffer).setBigUint64(5 + group.length, BigInt(epoch));
  head[head.length - 1] = { application: 1, proposal: 2, commit: 3 }[content];
  return head;
}

export const headBytes = headOf(new Uint8Array(32), 0, "commit").length;

/** Undefined where the bytes do not begin as a message of the stub. */
export function readHead(
  message: Uint8Array,
): { group: Uint8Array; epoch: number; content: ContentType } | undefined {
  const head = readMlsHead(message);
  return head?.group.length === 32 ? head : undefined;
}

/** Undefined where the bytes are none. */
export function opened<T>(form: Codec<T>, source: Uint8Array): T | undefined {
  try {
    return decode(form, source);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** What a signature covers: the structure with none in it, after what it is said to be. */
export function signedPart<T extends { signature: Uint8Array }>(
  label: string,
  form: Codec<T>,
  value: Omit<T, "signature">,
  before: Uint8Array = new Uint8Array(),
): Uint8Array {
  const body = encode(form, { ...value, signature: new Uint8Array(64) } as T);
  return Buffer.concat([Buffer.from(`stub ${label}\0`), before, body]);
}
