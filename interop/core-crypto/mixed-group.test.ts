/**
 * Mixed groups with OpenMLS, as core-crypto packs it into WebAssembly, in Chromium. INTEROP_OPERATIONS sets how many
 * operations run, INTEROP_SEED which ones.
 */
import { afterAll, assert, beforeAll, test } from "vitest";
import { SUITE_X25519_AES128GCM, SUITE_X25519_CHACHA20POLY1305 } from "../../packages/mls/src/index.ts";
import { World } from "../../packages/mls/test/world.ts";
import { type CoreCrypto, openCoreCrypto } from "./core-crypto.ts";
import { CoreMember, CREDENTIAL_TYPES, OurMember } from "./member.ts";
import { MixedGroup } from "./mixed-group.ts";

const operations = Number(process.env["INTEROP_OPERATIONS"] ?? 240);
const seed = process.env["INTEROP_SEED"] ?? "mixed";
const membersMax = 8;

let core: CoreCrypto;
beforeAll(async () => {
  core = await openCoreCrypto();
});
afterAll(() => core[Symbol.asyncDispose]());

const groups = [SUITE_X25519_AES128GCM, SUITE_X25519_CHACHA20POLY1305].flatMap((cipherSuite) =>
  (["ours", "theirs"] as const).map((creator) => ({ cipherSuite, creator })),
);

test.for(groups)(
  "suite $cipherSuite, a group made by $creator: all agree",
  async ({ cipherSuite, creator }) => {
    const options = { seed: `${seed} ${cipherSuite} ${creator}`, cipherSuite, membersMax };
    const group = new MixedGroup(core, options);
    const start = performance.now();
    await group.begin(creator);
    for (let i = 0; i < operations / groups.length; i += 1) await group.step();
    const counts = [...group.counts].map(([name, count]) => `${name} ${count}`).join(", ");
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(
      `${seconds} s: ${counts}; ${group.crossed} messages opened by the other side, ${group.compared} comparisons`,
    );
    assert(group.compared > 0 && group.crossed > 0);
  },
);

/**
 * Four leaves, the third of them blank. When the last member leaves and comes back in one Commit, the tree shrinks to
 * two leaves and grows again, and the member takes the third leaf: the fourth one is blank now (RFC 9420 §7.7, §12.4.2).
 * Wire's branch of OpenMLS drops its blank leaves as the tree shrinks and then finds the old ones again: what issue 1794
 * of OpenMLS itself describes, which is closed there.
 */
test("known: core-crypto refuses a return that shrinks the tree and grows it again", async () => {
  const world = new World({ seed: "regrowing", credentialTypes: CREDENTIAL_TYPES });
  world.now = Date.now();
  const name = (n: number) => `00000000-0000-4000-8000-00000000000${n}:${n}@example.org`;
  const [alice, carol, dave] = [1, 3, 4].map((n) => new OurMember(world, name(n))) as [
    OurMember,
    OurMember,
    OurMember,
  ];
  const bob = await CoreMember.start(core, name(2), world.cipherSuite);
  await alice.create(world.random.bytes(32));
  const added = await alice.add([await bob.keyPackage(), await carol.keyPackage(), await dave.keyPackage()]);
  for (const member of [bob, carol, dave]) await member.join(added.welcome!);
  const removed = await alice.remove(carol.name);
  for (const member of [bob, dave]) assert.isTrue(await member.takeCommit(removed.commit));

  const { commit } = await dave.joinExternally(alice.client.groupInfo());
  assert.isTrue(await alice.takeCommit(commit));
  assert.equal(alice.client.authenticator, dave.client.authenticator);
  assert.equal(dave.client.state.ownLeaf, 2);
  const refusal = await bob.takeCommit(commit).then(() => "none", String);
  assert.include(
    refusal,
    "The length of the received update path and that of the sender's direct path do not match",
  );
});

test("core-crypto's page complained about nothing", () => {
  assert.deepEqual(core.complaints, []);
});
