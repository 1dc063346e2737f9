import { expect, test } from "vitest";
import { decode } from "../src/codec/codec.ts";
import { welcomeKey } from "../src/group/join-welcome.ts";
import { startFromJoiner, welcomeSecretOf } from "../src/schedule/key-schedule.ts";
import { groupContextBytes } from "../src/wire/group-context.ts";
import { groupInfo, groupInfoSignatureIsValid } from "../src/wire/group-info.ts";
import { keyPackageRef } from "../src/wire/key-package.ts";
import { decodeMessage } from "../src/wire/message.ts";
import { groupSecrets } from "../src/wire/welcome.ts";
import { backends, vectorSuites } from "./backends.ts";
import { follow, type PassiveCase } from "./passive.ts";
import { hex, unhex, withVectors } from "./vectors.ts";

withVectors<PassiveCase>("passive-client-welcome", (cases) => {
  for (const primitives of backends) {
    for (const id of [1, 3]) {
      test(`[RFC 9420 §12.4] joins and follows: ${primitives.name} ${id}`, () => {
        const mine = cases.filter((c) => c.cipher_suite === id);
        expect(mine.length).toBeGreaterThan(0);
        for (const c of mine) follow(primitives, c);
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
