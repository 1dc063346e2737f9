/**
 * Mixed groups over the wire with ts-mls, for what that library does right: whoever joins commits an update at once, so
 * that leaves are seldom unmerged. MLS_INTEROP_OPERATIONS sets how many Commits are followed in all (CI 500).
 */
import { type CiphersuiteName, getCiphersuiteFromName, getCiphersuiteImpl } from "ts-mls";
import { afterAll, assert, test } from "vitest";
import { decodeMessage, encodeMessage, leafIndex } from "../src/index.ts";
import { TsMlsClient } from "./ts-mls-client.ts";
import { type Client, remove, want, World } from "./world.ts";

const OPERATIONS = Number(globalThis.process.env["MLS_INTEROP_OPERATIONS"] ?? 40);
const MEMBERS_MAX = 8;

type Member =
  | { readonly ours: Client; theirs?: never }
  | { readonly ours?: never; readonly theirs: TsMlsClient };

const leafOf = (member: Member): number => member.ours?.state.ownLeaf ?? member.theirs!.ownLeaf;

/** Where one half of the tree is blank, ts-mls derives the commit secret from a root that no path sets (§7.5). */
function bothHalvesLive(leaves: readonly number[]): boolean {
  let width = 1;
  while (width <= Math.max(...leaves)) width *= 2;
  return leaves.some((leaf) => leaf < width / 2);
}

class MixedGroup {
  readonly world: World;
  readonly make: (name: string) => Promise<TsMlsClient>;
  members: Member[] = [];
  /** Commits that everybody followed, and messages that everybody read. */
  commits = 0;
  messages = 0;
  #serial = 0;

  constructor(world: World, make: (name: string) => Promise<TsMlsClient>) {
    this.world = world;
    this.make = make;
  }

  async step(): Promise<void> {
    const kind = this.#below(5);
    if (this.members.length < 3 || (kind === 0 && this.members.length < MEMBERS_MAX)) await this.#add();
    else if (kind === 1 && this.members.length < MEMBERS_MAX) await this.#enter();
    else if (kind === 2) await this.#remove();
    else await this.#commitBy(this.#any(), {});
    await this.#talk();
  }

  async #newMember(): Promise<Member> {
    this.#serial += 1;
    const name = `member ${this.#serial}`;
    return this.#below(2) === 0 ? { ours: this.world.client(name) } : { theirs: await this.make(name) };
  }

  async begin(creator: Member): Promise<void> {
    if (creator.ours !== undefined) creator.ours.create();
    else await creator.theirs.create(this.world.random.bytes(32));
    this.members = [creator];
  }

  async #add(): Promise<void> {
    const committer = this.#any();
    const newcomer = await this.#newMember();
    if (newcomer.theirs !== undefined && !this.#couldJoin(committer, newcomer.theirs)) return;
    const own = newcomer.ours?.keyPackage();
    const bytes =
      own === undefined
        ? newcomer.theirs!.keyPackageMessage()
        : encodeMessage({ wireFormat: "key_package", keyPackage: own.keyPackage });
    const { welcome } = await this.#commitBy(committer, { add: bytes });
    if (newcomer.ours !== undefined) newcomer.ours.join(welcome!, [own!]);
    else await newcomer.theirs.join(welcome!);
    this.members.push(newcomer);
    await this.#commitBy(newcomer, {});
  }

  /** ts-mls refuses trees in which a node lists an unmerged leaf that one above it does not, valid as they are. */
  #couldJoin(committer: Member, newcomer: TsMlsClient): boolean {
    const message = decodeMessage(newcomer.keyPackageMessage());
    if (committer.ours === undefined || message.wireFormat !== "key_package") return false;
    const attempt = committer.ours.commit({ proposals: [{ type: "add", keyPackage: message.keyPackage }] });
    return attempt.next.tree.nodes.every(
      (node) => node?.kind !== "parent" || node.parent.unmergedLeaves.length === 0,
    );
  }

  /** Ours by ours: ts-mls writes and reads the external public key without the length that RFC 9420 gives it. */
  async #enter(): Promise<void> {
    const host = this.members.find((member) => member.ours !== undefined);
    if (host?.ours === undefined) return;
    this.#serial += 1;
    const newcomer = this.world.client(`member ${this.#serial}`);
    const entry = newcomer.joinExternally(host.ours.groupInfo());
    for (const member of this.members) await this.#deliver(member, entry);
    this.members.push({ ours: newcomer });
    this.commits += 1;
    this.#expectAgreement();
  }

  async #remove(): Promise<void> {
    const committer = this.#any();
    const victim = this.members.filter((member) => member !== committer)[
      this.#below(this.members.length - 1)
    ]!;
    const leaf = leafOf(victim);
    const remaining = this.members.filter((member) => member !== victim);
    if (!bothHalvesLive(remaining.map(leafOf))) return;
    this.members = remaining;
    const { commit } = await this.#commitBy(committer, { remove: leaf });
    if (victim.ours !== undefined) want(victim.ours.receive(commit), "removed");
  }

  async #commitBy(committer: Member, change: { add?: Uint8Array; remove?: number }) {
    const isPublic = this.#below(2) === 0;
    const made = await this.#committed(committer, { ...change, isPublic });
    for (const member of this.members) if (member !== committer) await this.#deliver(member, made.commit);
    this.commits += 1;
    this.#expectAgreement();
    return made;
  }

  async #committed(committer: Member, change: { add?: Uint8Array; remove?: number; isPublic: boolean }) {
    if (committer.theirs !== undefined) return committer.theirs.commit(change);
    const wireFormat = change.isPublic ? "public_message" : "private_message";
    const proposals = [];
    if (change.add !== undefined) {
      const message = decodeMessage(change.add);
      if (message.wireFormat === "key_package") {
        proposals.push({ type: "add", keyPackage: message.keyPackage } as const);
      }
    }
    if (change.remove !== undefined) proposals.push(remove(leafIndex(change.remove)));
    const made = committer.ours.commit({ proposals, wireFormat });
    committer.ours.accept(made);
    return made;
  }

  async #deliver(member: Member, commit: Uint8Array): Promise<void> {
    if (member.ours !== undefined) want(member.ours.receive(commit), "commit");
    else await member.theirs.receive(commit);
  }

  async #talk(): Promise<void> {
    const sender = this.#any();
    const message = sender.ours?.send("hello") ?? (await sender.theirs!.send("hello"));
    for (const member of this.members) {
      if (member === sender) continue;
      assert.equal(member.ours?.read(message) ?? (await member.theirs!.receive(message)), "hello");
    }
    this.messages += 1;
  }

  #expectAgreement(): void {
    const views = this.members.map((member) => (member.ours ?? member.theirs)!.authenticator);
    assert.equal(new Set(views).size, 1);
  }

  #any(): Member {
    return this.members[this.#below(this.members.length)]!;
  }

  #below(bound: number): number {
    return this.world.random.below(bound);
  }
}

const SUITES: readonly (readonly [number, CiphersuiteName])[] = [
  [0x0001, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"],
  [0x0003, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519"],
];
const CREATORS = ["ours", "theirs"] as const;
const COMMITS_EACH = Math.ceil(OPERATIONS / SUITES.length / CREATORS.length);

const followed = { commits: 0, messages: 0 };
afterAll(() => console.log(`mixed with ts-mls: ${followed.commits} Commits, ${followed.messages} messages`));

for (const [cipherSuite, name] of SUITES) {
  for (const creator of CREATORS) {
    test(
      `a group with ts-mls agrees after every step: made by ${creator}, suite ${cipherSuite}`,
      { timeout: 600_000 },
      async () => {
        const suite = await getCiphersuiteImpl(getCiphersuiteFromName(name));
        const world = new World({ seed: `mixed ${creator}`, cipherSuite });
        world.now = Date.now();
        const group = new MixedGroup(world, (named) => TsMlsClient.make(named, suite, world.now));
        const first =
          creator === "ours" ? { ours: world.client("first") } : { theirs: await group.make("first") };
        await group.begin(first);
        // Steps that ts-mls could not take are left out, so there are more of them than Commits.
        for (let step = 0; step < 4 * COMMITS_EACH && group.commits < COMMITS_EACH; step += 1) {
          await group.step();
        }
        assert.isAtLeast(group.commits, COMMITS_EACH);
        followed.commits += group.commits;
        followed.messages += group.messages;
      },
    );
  }
}
