import { decode, encode } from "../../src/codec/codec.ts";
import { DEFAULT_RETENTION } from "../../src/limits.ts";
import { externalKeyPair, mlsExporter, startEpoch } from "../../src/schedule/key-schedule.ts";
import { keyFor, messageKeys } from "../../src/schedule/message-keys.ts";
import { senderDataKey } from "../../src/schedule/private-framing.ts";
import { pskSecret } from "../../src/schedule/psk-secret.ts";
import { confirmedTranscriptHash, interimTranscriptHash } from "../../src/schedule/transcript.ts";
import { leafIndex } from "../../src/tree/math.ts";
import { authenticatedContent } from "../../src/wire/framed-content.ts";
import { groupContext } from "../../src/wire/group-context.ts";
import { unhex } from "../vectors.ts";
import { publishedFile, same } from "./published-file.ts";

interface KeyScheduleCase {
  group_id: string;
  initial_init_secret: string;
  epochs: (Record<string, string> & {
    exporter: { context: string; label: string; length: number; secret: string };
  })[];
}

export const keySchedule = publishedFile<KeyScheduleCase>(
  "key-schedule",
  "[RFC 9420 §8] secrets of each epoch",
  (c, suite) => {
    let initSecret = unhex(c.initial_init_secret);
    c.epochs.forEach((epoch, i) => {
      const context = {
        version: 1,
        cipherSuite: suite.id,
        groupId: unhex(c.group_id),
        epoch: BigInt(i),
        treeHash: unhex(epoch["tree_hash"]!),
        confirmedTranscriptHash: unhex(epoch["confirmed_transcript_hash"]!),
        extensions: [],
      };
      same(encode(groupContext, context), epoch["group_context"], "group context");
      const start = startEpoch(suite, {
        initSecret,
        commitSecret: unhex(epoch["commit_secret"]!),
        pskSecret: unhex(epoch["psk_secret"]!),
        groupContext: encode(groupContext, context),
      });
      const { secrets } = start;
      const published = {
        joiner_secret: start.joinerSecret,
        welcome_secret: start.welcomeSecret,
        encryption_secret: start.encryptionSecret,
        init_secret: secrets.initSecret,
        sender_data_secret: secrets.senderDataSecret,
        exporter_secret: secrets.exporterSecret,
        epoch_authenticator: secrets.epochAuthenticator,
        external_secret: secrets.externalSecret,
        confirmation_key: secrets.confirmationKey,
        membership_key: secrets.membershipKey,
        resumption_psk: secrets.resumptionPsk,
        external_pub: externalKeyPair(suite, secrets).publicKey,
      };
      for (const [name, value] of Object.entries(published)) same(value, epoch[name], name);
      const { label, context: exportContext, length, secret } = epoch.exporter;
      const exported = mlsExporter(suite, secrets.exporterSecret, label, unhex(exportContext), length);
      same(exported, secret, "exporter");
      initSecret = Uint8Array.from(secrets.initSecret);
    });
  },
);

interface SecretTreeCase {
  encryption_secret: string;
  sender_data: { sender_data_secret: string; ciphertext: string; key: string; nonce: string };
  leaves: (Record<string, string> & { generation: number })[][];
}

export const secretTree = publishedFile<SecretTreeCase>(
  "secret-tree",
  "[RFC 9420 §9] keys of each leaf and generation",
  (c, suite) => {
    const { sender_data: published } = c;
    const secret = unhex(published.sender_data_secret);
    const data = senderDataKey(suite, secret, unhex(published.ciphertext));
    same([data.key, data.nonce], [published.key, published.nonce], "sender data");
    let keys = messageKeys(c.leaves.length, unhex(c.encryption_secret));
    c.leaves.forEach((generations, leaf) => {
      for (const g of generations) {
        for (const kind of ["handshake", "application"] as const) {
          const step = keyFor(suite, keys, leafIndex(leaf), kind, g.generation, DEFAULT_RETENTION);
          if (typeof step === "string") throw new Error(step);
          same(step.messageKey.key, g[`${kind}_key`], `${kind} key`);
          same(step.messageKey.nonce, g[`${kind}_nonce`], `${kind} nonce`);
          keys = step.keys;
        }
      }
    });
  },
);

interface TranscriptCase {
  confirmation_key: string;
  authenticated_content: string;
  interim_transcript_hash_before: string;
  confirmed_transcript_hash_after: string;
  interim_transcript_hash_after: string;
}

export const transcriptHashes = publishedFile<TranscriptCase>(
  "transcript-hashes",
  "[RFC 9420 §8.2] both hashes and the confirmation tag",
  (c, suite) => {
    const { wireFormat, content, auth } = decode(authenticatedContent, unhex(c.authenticated_content));
    const before = unhex(c.interim_transcript_hash_before);
    const confirmed = confirmedTranscriptHash(suite, before, wireFormat, content, auth.signature);
    same(confirmed, c.confirmed_transcript_hash_after, "confirmed");
    const isTag = suite.macIsValid(unhex(c.confirmation_key), confirmed, auth.confirmationTag!);
    same(isTag, true, "confirmation tag");
    const interim = interimTranscriptHash(suite, confirmed, auth.confirmationTag!);
    same(interim, c.interim_transcript_hash_after, "interim");
  },
);

interface PskCase {
  psks: { psk_id: string; psk: string; psk_nonce: string }[];
  psk_secret: string;
}

export const pskSecrets = publishedFile<PskCase>(
  "psk_secret",
  "[RFC 9420 §8.4] the chain of pre-shared keys",
  (c, suite) => {
    const psks = c.psks.map((psk) => ({
      id: { source: { type: "external" as const, id: unhex(psk.psk_id) }, nonce: unhex(psk.psk_nonce) },
      secret: unhex(psk.psk),
    }));
    same(pskSecret(suite, psks), c.psk_secret, "secret");
  },
);
