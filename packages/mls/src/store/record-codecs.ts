/** The encodings of the records, each behind one octet of version. */
import { type Codec, opaque, optional, struct, uint32, uint64, vector } from "../codec/codec.ts";
import type { GroupState, PastEpoch, PendingProposal } from "../group/state.ts";
import type { EpochSecrets } from "../schedule/key-schedule.ts";
import type { SenderRatchets } from "../schedule/message-keys.ts";
import type { MessageKey } from "../schedule/ratchet.ts";
import { type LeafIndex, type NodeIndex } from "../tree/math.ts";
import type { PrivateKeys } from "../tree/update-path.ts";
import { authenticatedContent } from "../wire/framed-content.ts";
import { groupContext } from "../wire/group-context.ts";
import { proposal, type ReInit } from "../wire/proposal.ts";

const VERSION = 1;

/** Thrown where a store holds records of another version of this package. */
function versioned<T>(codec: Codec<T>): Codec<T> {
  return {
    write(writer, value) {
      writer.uint8(VERSION);
      codec.write(writer, value);
    },
    read(reader) {
      const version = reader.uint8();
      if (version !== VERSION)
        throw new Error(`a stored record of version ${version}; this is version ${VERSION}`);
      return codec.read(reader);
    },
  };
}

/** A codec of what `back` and `forth` turn into one another. */
function mapped<A, B>(codec: Codec<A>, forth: (value: B) => A, back: (value: A) => B): Codec<B> {
  return {
    write: (writer, value) => codec.write(writer, forth(value)),
    read: (reader) => back(codec.read(reader)),
  };
}

const reinit: Codec<ReInit> = mapped(
  proposal,
  (value: ReInit) => value,
  (value) => {
    if (value.type !== "reinit") throw new Error("a stored record holds another proposal than a ReInit");
    return value;
  },
);

export interface Head {
  readonly epoch: bigint;
  /** Former epochs that are kept, the latest first. */
  readonly past: readonly bigint[];
  readonly ownLeaf: LeafIndex;
  readonly interimTranscriptHash: Uint8Array;
  readonly confirmationTag: Uint8Array;
  readonly reinit: ReInit | undefined;
}

export const head: Codec<Head> = versioned(
  struct<Head>({
    epoch: uint64,
    past: vector(uint64),
    ownLeaf: uint32 as Codec<LeafIndex>,
    interimTranscriptHash: opaque,
    confirmationTag: opaque,
    reinit: optional(reinit),
  }),
);

export function headOf(state: GroupState): Head {
  const { context, ownLeaf, interimTranscriptHash, confirmationTag, reinit: closing } = state;
  const past = state.past.map((former) => former.context.epoch);
  return { epoch: context.epoch, past, ownLeaf, interimTranscriptHash, confirmationTag, reinit: closing };
}

export const epochContext = versioned(groupContext);
export const secret: Codec<Uint8Array> = versioned(opaque);

export const currentSecrets: Codec<EpochSecrets> = versioned(
  struct<EpochSecrets>({
    senderDataSecret: opaque,
    exporterSecret: opaque,
    externalSecret: opaque,
    confirmationKey: opaque,
    membershipKey: opaque,
    resumptionPsk: opaque,
    epochAuthenticator: opaque,
    initSecret: opaque,
  }),
);

export type FormerSecrets = Pick<PastEpoch, "senderDataSecret" | "resumptionPsk">;

export const formerSecrets: Codec<FormerSecrets> = versioned(
  struct<FormerSecrets>({ senderDataSecret: opaque, resumptionPsk: opaque }),
);

export interface OwnKeys {
  readonly privateKeys: PrivateKeys;
  readonly signaturePrivateKey: Uint8Array;
}

const keyList = vector(
  struct<{ node: NodeIndex; key: Uint8Array }>({ node: uint32 as Codec<NodeIndex>, key: opaque }),
);

export const privateKeys: Codec<OwnKeys> = versioned(
  struct<OwnKeys>({
    privateKeys: mapped(
      keyList,
      (keys: PrivateKeys) => [...keys].map(([node, key]) => ({ node, key })),
      (list) => new Map(list.map(({ node, key }) => [node, key])),
    ),
    signaturePrivateKey: opaque,
  }),
);

/** A sender's two ratchets; the keys of skipped generations have records of their own. */
export interface SenderRecord {
  readonly handshakeGeneration: number;
  readonly handshakeSecret: Uint8Array;
  readonly applicationGeneration: number;
  readonly applicationSecret: Uint8Array;
}

export const senderRecord: Codec<SenderRecord> = versioned(
  struct<SenderRecord>({
    handshakeGeneration: uint32,
    handshakeSecret: opaque,
    applicationGeneration: uint32,
    applicationSecret: opaque,
  }),
);

export function senderRecordOf({ handshake, application }: SenderRatchets): SenderRecord {
  return {
    handshakeGeneration: handshake.generation,
    handshakeSecret: handshake.secret,
    applicationGeneration: application.generation,
    applicationSecret: application.secret,
  };
}

export const messageKey: Codec<MessageKey> = versioned(struct<MessageKey>({ key: opaque, nonce: opaque }));

const ownUpdate = struct<NonNullable<PendingProposal["own"]>>({
  leafPrivateKey: opaque,
  signaturePrivateKey: opaque,
});

type StoredProposal = Pick<PendingProposal, "reference" | "authenticated" | "own">;

/** The proposal itself is inside its authenticated content. */
export const pendingProposal: Codec<PendingProposal> = versioned(
  mapped(
    struct<StoredProposal>({
      reference: opaque,
      authenticated: authenticatedContent,
      own: optional(ownUpdate),
    }),
    (pending: PendingProposal): StoredProposal => pending,
    (stored) => {
      const { body } = stored.authenticated.content;
      if (body.type !== "proposal") throw new Error("a stored record holds something else than a proposal");
      return { ...stored, proposal: body.proposal };
    },
  ),
);
