import { expect, test } from "vitest";
import { decode, encode } from "../src/codec/codec.ts";
import { DEFAULT_RETENTION } from "../src/limits.ts";
import { externalKeyPair, mlsExporter, startEpoch } from "../src/schedule/key-schedule.ts";
import { keyFor, messageKeys } from "../src/schedule/message-keys.ts";
import { senderDataKey } from "../src/schedule/private-framing.ts";
import { pskSecret } from "../src/schedule/psk-secret.ts";
import { confirmedTranscriptHash, interimTranscriptHash } from "../src/schedule/transcript.ts";
import { leafIndex } from "../src/tree/math.ts";
import { authenticatedContent } from "../src/wire/framed-content.ts";
import { groupContext } from "../src/wire/group-context.ts";
import { vectorSuites } from "./backends.ts";
import { hex, unhex, withVectors } from "./vectors.ts";

interface KeyScheduleCase {
  cipher_suite: number;
  group_id: string;
  initial_init_secret: string;
  epochs: (Record<string, string> & {
    exporter: { context: string; label: string; length: number; secret: string };
  })[];
}

withVectors<KeyScheduleCase>("key-schedule", (cases) => {
  for (const suite of vectorSuites()) {
    test(`[RFC 9420 §8] secrets of each epoch: ${suite.backend} ${suite.id}`, () => {
      for (const c of cases.filter((one) => one.cipher_suite === suite.id)) {
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
          expect(hex(encode(groupContext, context))).toBe(epoch["group_context"]);
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
          for (const [name, value] of Object.entries(published)) expect(hex(value), name).toBe(epoch[name]);
          const { label, context: exportContext, length, secret } = epoch.exporter;
          const exported = mlsExporter(suite, secrets.exporterSecret, label, unhex(exportContext), length);
          expect(hex(exported)).toBe(secret);
          initSecret = Uint8Array.from(secrets.initSecret);
        });
      }
    });
  }
});

interface SecretTreeCase {
  cipher_suite: number;
  encryption_secret: string;
  sender_data: { sender_data_secret: string; ciphertext: string; key: string; nonce: string };
  leaves: (Record<string, string> & { generation: number })[][];
}

withVectors<SecretTreeCase>("secret-tree", (cases) => {
  for (const suite of vectorSuites()) {
    test(`[RFC 9420 §9] keys of each leaf and generation: ${suite.backend} ${suite.id}`, () => {
      for (const c of cases.filter((one) => one.cipher_suite === suite.id)) {
        const data = senderDataKey(
          suite,
          unhex(c.sender_data.sender_data_secret),
          unhex(c.sender_data.ciphertext),
        );
        expect([hex(data.key), hex(data.nonce)]).toEqual([c.sender_data.key, c.sender_data.nonce]);
        let keys = messageKeys(c.leaves.length, unhex(c.encryption_secret));
        c.leaves.forEach((generations, leaf) => {
          for (const g of generations) {
            for (const kind of ["handshake", "application"] as const) {
              const step = keyFor(suite, keys, leafIndex(leaf), kind, g.generation, DEFAULT_RETENTION);
              if (typeof step === "string") throw new Error(step);
              expect(hex(step.messageKey.key)).toBe(g[`${kind}_key`]);
              expect(hex(step.messageKey.nonce)).toBe(g[`${kind}_nonce`]);
              keys = step.keys;
            }
          }
        });
      }
    });
  }
});

interface TranscriptCase {
  cipher_suite: number;
  confirmation_key: string;
  authenticated_content: string;
  interim_transcript_hash_before: string;
  confirmed_transcript_hash_after: string;
  interim_transcript_hash_after: string;
}

withVectors<TranscriptCase>("transcript-hashes", (cases) => {
  for (const suite of vectorSuites()) {
    test(`[RFC 9420 §8.2] both hashes and the confirmation tag: ${suite.backend} ${suite.id}`, () => {
      for (const c of cases.filter((one) => one.cipher_suite === suite.id)) {
        const { wireFormat, content, auth } = decode(authenticatedContent, unhex(c.authenticated_content));
        const before = unhex(c.interim_transcript_hash_before);
        const confirmed = confirmedTranscriptHash(suite, before, wireFormat, content, auth.signature);
        expect(hex(confirmed)).toBe(c.confirmed_transcript_hash_after);
        expect(suite.macIsValid(unhex(c.confirmation_key), confirmed, auth.confirmationTag!)).toBe(true);
        const interim = interimTranscriptHash(suite, confirmed, auth.confirmationTag!);
        expect(hex(interim)).toBe(c.interim_transcript_hash_after);
      }
    });
  }
});

interface PskCase {
  cipher_suite: number;
  psks: { psk_id: string; psk: string; psk_nonce: string }[];
  psk_secret: string;
}

withVectors<PskCase>("psk_secret", (cases) => {
  for (const suite of vectorSuites()) {
    test(`[RFC 9420 §8.4] the chain of pre-shared keys: ${suite.backend} ${suite.id}`, () => {
      for (const c of cases.filter((one) => one.cipher_suite === suite.id)) {
        const psks = c.psks.map((psk) => ({
          id: { source: { type: "external" as const, id: unhex(psk.psk_id) }, nonce: unhex(psk.psk_nonce) },
          secret: unhex(psk.psk),
        }));
        expect(hex(pskSecret(suite, psks))).toBe(c.psk_secret);
      }
    });
  }
});
