import { expect, test } from "vitest";
import { decode } from "../src/codec/codec.ts";
import type { Environment } from "../src/group/environment.ts";
import { joinByWelcome } from "../src/group/join-welcome.ts";
import { policy } from "../src/group/policy.ts";
import { receive } from "../src/group/receive.ts";
import type { Primitives } from "../src/crypto/primitives.ts";
import { groupInfoSignatureIsValid } from "../src/wire/group-info.ts";
import { groupInfo } from "../src/wire/group-info.ts";
import { keyPackageRef } from "../src/wire/key-package.ts";
import { decodeMessage } from "../src/wire/message.ts";
import { groupSecrets } from "../src/wire/welcome.ts";
import { startFromJoiner, welcomeSecretOf } from "../src/schedule/key-schedule.ts";
import { welcomeKey } from "../src/group/join-welcome.ts";
import { groupContextBytes } from "../src/wire/group-context.ts";
import { backends, seededRandom, suiteOf, vectorSuites } from "./backends.ts";
import { hex, unhex, withVectors } from "./vectors.ts";

interface PassiveCase {
  cipher_suite: number;
  external_psks: { psk_id: string; psk: string }[];
  key_package: string;
  signature_priv: string;
  encryption_priv: string;
  init_priv: string;
  welcome: string;
  ratchet_tree: string | null;
  initial_epoch_authenticator: string;
  epochs: { proposals: string[]; commit: string; epoch_authenticator: string }[];
}

/** The vectors' credentials are random bytes, and their lifetimes lie in the past. */
const lenient = policy({
  acceptsCredential: () => true,
  acceptsSuccessor: () => true,
  acceptsExternalCommit: () => true,
  acceptsExternalProposal: () => true,
  acceptsExternalSender: () => true,
  isSameClient: () => false,
  lifetimeSecondsMax: 1n << 64n,
  checksLifetimeOnReceipt: false,
});

function environment(primitives: Primitives, c: PassiveCase): Environment {
  const psks = new Map(c.external_psks.map(({ psk_id, psk }) => [psk_id, unhex(psk)]));
  return {
    primitives,
    random: seededRandom("passive"),
    now: 0,
    policy: lenient,
    psk: (source) => (source.type === "external" ? psks.get(hex(source.id)) : undefined),
  };
}

withVectors<PassiveCase>("passive-client-welcome", (cases) => {
  for (const primitives of backends) {
    for (const id of [1, 3]) {
      test(`[RFC 9420 §12.4] joins and follows: ${primitives.name} ${id}`, () => {
        const mine = cases.filter((c) => c.cipher_suite === id);
        expect(mine.length).toBeGreaterThan(0);
        for (const c of mine) {
          const env = environment(primitives, c);
          const message = decodeMessage(unhex(c.key_package));
          if (message.wireFormat !== "key_package") throw new Error("no key package");
          const own = {
            keyPackage: message.keyPackage,
            reference: keyPackageRef(suiteOf(primitives, id), message.keyPackage),
            initPrivateKey: unhex(c.init_priv),
            leafPrivateKey: unhex(c.encryption_priv),
            signaturePrivateKey: unhex(c.signature_priv),
          };
          let { state } = joinByWelcome(env, {
            welcome: unhex(c.welcome),
            keyPackages: [own],
            ratchetTree: c.ratchet_tree === null ? undefined : unhex(c.ratchet_tree),
          });
          expect(hex(state.secrets.epochAuthenticator)).toBe(c.initial_epoch_authenticator);
          for (const epoch of c.epochs) {
            for (const bytes of [...epoch.proposals, epoch.commit]) {
              const outcome = receive(env, state, unhex(bytes));
              if (!("state" in outcome)) throw new Error(outcome.kind);
              state = outcome.state;
            }
            expect(hex(state.secrets.epochAuthenticator)).toBe(epoch.epoch_authenticator);
          }
        }
      });
    }
  }
});

interface WelcomeCase {
  cipher_suite: number;
  init_priv: string;
  key_package: string;
  signer_pub: string;
  welcome: string;
}

withVectors<WelcomeCase>("welcome", (cases) => {
  for (const suite of vectorSuites()) {
    test(`[RFC 9420 §12.4.3.1] secrets and GroupInfo open: ${suite.backend} ${suite.id}`, () => {
      for (const c of cases.filter((one) => one.cipher_suite === suite.id)) {
        const [message, kp] = [decodeMessage(unhex(c.welcome)), decodeMessage(unhex(c.key_package))];
        if (message.wireFormat !== "welcome" || kp.wireFormat !== "key_package")
          throw new Error("wrong kind");
        const reference = keyPackageRef(suite, kp.keyPackage);
        const entry = message.welcome.secrets.find(({ newMember }) => hex(newMember) === hex(reference))!;
        const pair = { privateKey: unhex(c.init_priv), publicKey: kp.keyPackage.initKey };
        const { encryptedGroupInfo } = message.welcome;
        const opened = suite.decryptWithLabel(
          pair,
          "Welcome",
          encryptedGroupInfo,
          entry.encryptedGroupSecrets,
        )!;
        const secrets = decode(groupSecrets, opened);
        const noPsk = new Uint8Array(suite.secretBytes);
        const { key, nonce } = welcomeKey(suite, welcomeSecretOf(suite, secrets.joinerSecret, noPsk));
        const info = decode(groupInfo, suite.open(key, nonce, new Uint8Array(0), encryptedGroupInfo)!);
        expect(groupInfoSignatureIsValid(suite, unhex(c.signer_pub), info)).toBe(true);
        const bytes = groupContextBytes(info.groupContext);
        const { confirmationKey } = startFromJoiner(suite, secrets.joinerSecret, noPsk, bytes).secrets;
        const hash = info.groupContext.confirmedTranscriptHash;
        expect(suite.macIsValid(confirmationKey, hash, info.confirmationTag)).toBe(true);
      }
    });
  }
});
