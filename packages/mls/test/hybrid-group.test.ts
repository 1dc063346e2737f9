/**
 * A recorded group of the hybrid suite, in the format of the working group's passive client, so that a change of its
 * bytes shows. MLS_RECORD_VECTORS=1 records it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { SUITE_MLKEM768_X25519_AES128GCM as HYBRID } from "../src/index.ts";
import { leafIndex } from "../src/tree/math.ts";
import { encodeMessage } from "../src/wire/message.ts";
import { backends } from "./backends.ts";
import type { PassiveCase } from "./passive.ts";
import { recordedGroup } from "./published/joining.ts";
import { AGREES } from "./published/published-file.ts";
import { hex } from "./vectors.ts";
import { add, groupOf, remove, want, World } from "./world.ts";

const path = fileURLToPath(new URL("vectors/mlkem768-x25519-group.json", import.meta.url));

function record(): PassiveCase {
  const world = new World({ seed: "recorded", cipherSuite: HYBRID });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const carol = world.client("carol");
  const own = carol.keyPackage();
  const keys = [own.initPrivateKey, own.leafPrivateKey, own.signaturePrivateKey].map(hex) as [
    string,
    string,
    string,
  ];
  const added = alice.commit({ proposals: [add(own)] });
  want(bob.receive(added.commit), "commit");
  alice.accept(added);
  const initial = alice.authenticator;
  const epochs: PassiveCase["epochs"] = [];
  const update = bob.propose({ type: "update" });
  want(alice.receive(update), "proposal");
  const committed = alice.commit();
  want(bob.receive(committed.commit), "commit");
  alice.accept(committed);
  epochs.push({
    proposals: [hex(update)],
    commit: hex(committed.commit),
    epoch_authenticator: alice.authenticator,
  });
  const removal = alice.commit({ proposals: [remove(leafIndex(1))], wireFormat: "public_message" });
  alice.accept(removal);
  epochs.push({ proposals: [], commit: hex(removal.commit), epoch_authenticator: alice.authenticator });
  return {
    cipher_suite: HYBRID,
    external_psks: [],
    key_package: hex(encodeMessage({ wireFormat: "key_package", keyPackage: own.keyPackage })),
    init_priv: keys[0],
    encryption_priv: keys[1],
    signature_priv: keys[2],
    welcome: hex(added.welcome!),
    ratchet_tree: null,
    initial_epoch_authenticator: initial,
    epochs,
  };
}

if (globalThis.process.env["MLS_RECORD_VECTORS"] === "1") {
  writeFileSync(path, `${JSON.stringify(record(), undefined, 1)}\n`);
}

for (const primitives of backends) {
  test(`the recorded group of MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519 is followed: ${primitives.name}`, () => {
    const recorded = JSON.parse(readFileSync(path, "utf8")) as PassiveCase;
    expect(recorded.cipher_suite).toBe(HYBRID);
    expect(recordedGroup.verdicts([recorded], primitives)).toEqual([AGREES]);
  });
}
