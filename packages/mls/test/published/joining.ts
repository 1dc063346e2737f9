import { decode } from "../../src/codec/codec.ts";
import { welcomeKey } from "../../src/group/join-welcome.ts";
import { startFromJoiner, welcomeSecretOf } from "../../src/schedule/key-schedule.ts";
import { groupContextBytes } from "../../src/wire/group-context.ts";
import { groupInfo, groupInfoSignatureIsValid } from "../../src/wire/group-info.ts";
import { keyPackageRef } from "../../src/wire/key-package.ts";
import { decodeMessage } from "../../src/wire/message.ts";
import { groupSecrets } from "../../src/wire/welcome.ts";
import { follow, type PassiveCase } from "../passive.ts";
import { seededRandom } from "../seeded-random.ts";
import { hex, unhex } from "../vectors.ts";
import { publishedFile, same } from "./published-file.ts";

export const passiveClientWelcome = publishedFile<PassiveCase>(
  "passive-client-welcome",
  "[RFC 9420 §12.4] a client that only listens joins and follows",
  (c, _suite, primitives) => follow(primitives, c),
);

/** Our own recording of the hybrid suite, in the same format, lies in the repository. */
export const recordedGroup = publishedFile<PassiveCase>(
  "mlkem768-x25519-group",
  "a client of the hybrid suite joins and follows, and seals to a hybrid key",
  (c, suite, primitives) => {
    follow(primitives, c);
    const kp = decodeMessage(unhex(c.key_package));
    if (kp.wireFormat !== "key_package") throw new Error("wrong kind");
    const pair = { privateKey: unhex(c.init_priv), publicKey: kp.keyPackage.initKey };
    const [context, text] = [unhex("01"), unhex("0203")];
    const sealed = suite.encryptWithLabel(seededRandom("hybrid"), pair.publicKey, "x", context, text)!;
    same(suite.decryptWithLabel(pair, "x", context, sealed), text, "sealed and opened");
  },
);

interface WelcomeCase {
  init_priv: string;
  key_package: string;
  signer_pub: string;
  welcome: string;
}

export const welcome = publishedFile<WelcomeCase>(
  "welcome",
  "[RFC 9420 §12.4.3.1] secrets and GroupInfo open",
  (c, suite) => {
    const [message, kp] = [decodeMessage(unhex(c.welcome)), decodeMessage(unhex(c.key_package))];
    if (message.wireFormat !== "welcome" || kp.wireFormat !== "key_package") throw new Error("wrong kind");
    const reference = keyPackageRef(suite, kp.keyPackage);
    const entry = message.welcome.secrets.find(({ newMember }) => hex(newMember) === hex(reference))!;
    const pair = { privateKey: unhex(c.init_priv), publicKey: kp.keyPackage.initKey };
    const { encryptedGroupInfo } = message.welcome;
    const opened = suite.decryptWithLabel(pair, "Welcome", encryptedGroupInfo, entry.encryptedGroupSecrets)!;
    const secrets = decode(groupSecrets, opened);
    const noPsk = new Uint8Array(suite.secretBytes);
    const { key, nonce } = welcomeKey(suite, welcomeSecretOf(suite, secrets.joinerSecret, noPsk));
    const info = decode(groupInfo, suite.open(key, nonce, new Uint8Array(0), encryptedGroupInfo)!);
    same(groupInfoSignatureIsValid(suite, unhex(c.signer_pub), info), true, "signature");
    const bytes = groupContextBytes(info.groupContext);
    const { confirmationKey } = startFromJoiner(suite, secrets.joinerSecret, noPsk, bytes).secrets;
    const hash = info.groupContext.confirmedTranscriptHash;
    same(suite.macIsValid(confirmationKey, hash, info.confirmationTag), true, "confirmation tag");
  },
);
