/** A member that only listens: it joins by a Welcome and follows what the others commit (the vectors' format). */
import type { Primitives } from "../src/crypto/primitives.ts";
import type { Environment } from "../src/group/environment.ts";
import { joinByWelcome } from "../src/group/join-welcome.ts";
import { policy } from "../src/group/policy.ts";
import { receive } from "../src/group/receive.ts";
import { keyPackageRef } from "../src/wire/key-package.ts";
import { decodeMessage } from "../src/wire/message.ts";
import { same } from "./published/published-file.ts";
import { seededRandom } from "./seeded-random.ts";
import { suiteOf } from "./suite-of.ts";
import { hex, unhex } from "./vectors.ts";

export interface PassiveCase {
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
  clientOf: (leaf) => leaf.signatureKey,
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

/** Fails where the member would not agree with the recorded epochs. */
export function follow(primitives: Primitives, c: PassiveCase): void {
  const env = environment(primitives, c);
  const message = decodeMessage(unhex(c.key_package));
  if (message.wireFormat !== "key_package") throw new Error("no key package");
  const own = {
    keyPackage: message.keyPackage,
    reference: keyPackageRef(suiteOf(primitives, c.cipher_suite), message.keyPackage),
    initPrivateKey: unhex(c.init_priv),
    leafPrivateKey: unhex(c.encryption_priv),
    signaturePrivateKey: unhex(c.signature_priv),
  };
  let { state } = joinByWelcome(env, {
    welcome: unhex(c.welcome),
    keyPackages: [own],
    ratchetTree: c.ratchet_tree === null ? undefined : unhex(c.ratchet_tree),
  });
  same(state.secrets.epochAuthenticator, c.initial_epoch_authenticator, "first epoch");
  for (const epoch of c.epochs) {
    for (const bytes of [...epoch.proposals, epoch.commit]) {
      const outcome = receive(env, state, unhex(bytes));
      if (!("state" in outcome)) throw new Error(outcome.kind);
      state = outcome.state;
    }
    same(state.secrets.epochAuthenticator, epoch.epoch_authenticator, `epoch ${state.context.epoch}`);
  }
}
