/**
 * A group of our clients and core-crypto's, which lives through random operations. After each, everybody agrees on an
 * exported secret, ours on the whole context and the epoch authenticator too, and with them what core-crypto's
 * GroupInfo says. Every message opens, late ones and those out of order included.
 */
import { assert } from "vitest";
import { decode, decodeMessage, encode, keyPackageCodec } from "../../packages/mls/src/index.ts";
import { groupContext } from "../../packages/mls/src/wire/group-context.ts";
import { hex } from "../../packages/mls/test/vectors.ts";
import { remove, want, World } from "../../packages/mls/test/world.ts";
import type { CoreCrypto } from "./core-crypto.ts";
import { CoreMember, CREDENTIAL_TYPES, type Made, type Member, OurMember } from "./member.ts";

export interface MixedGroupOptions {
  readonly seed: string;
  readonly cipherSuite: number;
  readonly membersMax: number;
}

interface InFlight {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly sender: Member;
  readonly epoch: bigint;
  readonly waiting: Set<Member>;
}

/** core-crypto keeps the keys of three epochs back. */
const EPOCHS_LATE_MAX = 3n;

/** core-crypto still opens a message when one later one of its sender came before it. */
const MESSAGES_AT_ONCE_MAX = 2;

export class MixedGroup {
  readonly counts = new Map<string, number>();
  /** Messages that were opened by the other implementation. */
  crossed = 0;
  /** How often core-crypto's exported secrets and group contexts were compared with ours. */
  compared = 0;
  readonly #world: World;
  readonly #core: CoreCrypto;
  readonly #membersMax: number;
  #members: Member[] = [];
  #inFlight: InFlight[] = [];
  /** What came with core-crypto's last Commit. */
  #coreInfo: Uint8Array | undefined;
  #serial = 0;

  constructor(core: CoreCrypto, { seed, cipherSuite, membersMax }: MixedGroupOptions) {
    this.#core = core;
    this.#membersMax = membersMax;
    this.#world = new World({ seed, cipherSuite, credentialTypes: CREDENTIAL_TYPES });
    // core-crypto reads the real clock, so lifetimes must hold by it.
    this.#world.now = Date.now();
  }

  /** Begins with one member of each implementation; `creator` says whose makes the group. */
  async begin(creator: Member["kind"]): Promise<void> {
    const first = await this.#newMember(creator);
    await first.create(this.#world.random.bytes(32));
    this.#members = [first];
    await this.#add(first, [await this.#newMember(creator === "ours" ? "theirs" : "ours")]);
    await this.#expectAgreement();
  }

  /** One operation, which begins one epoch, and then messages. */
  async step(): Promise<void> {
    const [name, run] = this.#any(this.#possible());
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    try {
      await run();
      await this.#expectAgreement();
      await this.#talk();
    } catch (cause) {
      throw new Error(`at ${name}, after ${JSON.stringify(Object.fromEntries(this.counts))}`, { cause });
    }
    if (this.#below(4) === 0) this.#any(this.#ours).client.restart();
  }

  #possible(): [string, () => Promise<void>][] {
    const operations: [string, () => Promise<void>][] = [
      ["update", () => this.#update(this.#any(this.#members))],
      ["race that core-crypto loses", () => this.#race()],
      ["updates proposed", () => this.#proposedUpdates()],
    ];
    for (const [name, side] of [
      ["resync of ours", this.#ours],
      ["resync of core-crypto", this.#theirs],
    ] as const) {
      const returning = side.filter(
        (member) => this.#ours.some((one) => one !== member) && !this.#regrows(member),
      );
      if (returning.length > 0) operations.push([name, () => this.#enter(this.#any(returning))]);
    }
    if (this.#members.length < this.#membersMax) {
      operations.push(
        ["add", () => this.#addSome()],
        ["external join of ours", async () => this.#enter(await this.#newMember("ours"))],
        ["external join of core-crypto", async () => this.#enter(await this.#newMember("theirs"))],
        ["add proposed", () => this.#proposedAdd()],
      );
    }
    if (this.#ours.length > 1) operations.push(["leave", () => this.#leave(this.#any(this.#ours))]);
    const removable = [this.#ours, this.#theirs].filter((side) => side.length > 1).flat();
    if (removable.length > 0) {
      operations.push(["remove", () => this.#remove(this.#any(removable))]);
      operations.push(["removal proposed", () => this.#proposedRemoval(this.#any(removable))]);
    }
    return operations;
  }

  async #update(committer: Member): Promise<void> {
    await this.#publish(committer, await committer.update());
  }

  /** Two Commits for one epoch: ours is first. */
  async #race(): Promise<void> {
    const [winner, loser] = [this.#any(this.#ours), this.#any(this.#theirs)];
    const lost = await loser.updateInVain();
    await this.#update(winner);
    want(winner.client.receive(lost.commit), "stale-epoch");
  }

  async #addSome(): Promise<void> {
    const newcomers: Member[] = [];
    for (let i = 1 + this.#below(3); i > 0; i -= 1) newcomers.push(await this.#newMember());
    await this.#add(this.#any(this.#members), newcomers);
  }

  async #add(committer: Member, newcomers: readonly Member[]): Promise<void> {
    const packages = [];
    for (const newcomer of newcomers) packages.push(await newcomer.keyPackage());
    const made = await committer.add(packages);
    await this.#publish(committer, made);
    for (const newcomer of newcomers) await newcomer.join(made.welcome!);
    this.#members.push(...newcomers);
  }

  async #remove(victim: Member): Promise<void> {
    const committer = this.#anyBut(victim);
    await this.#publish(committer, await committer.remove(victim.name));
  }

  async #leave(leaver: OurMember): Promise<void> {
    await this.#propose(leaver, remove(leaver.client.state.ownLeaf));
    await this.#commitPending(this.#anyBut(leaver));
  }

  async #proposedRemoval(victim: Member): Promise<void> {
    const proposer = this.#any(this.#ours.filter((member) => member !== victim));
    await this.#propose(proposer, remove(proposer.leafOf(victim.name)));
    await this.#commitPending(this.#anyBut(victim));
  }

  async #proposedUpdates(): Promise<void> {
    const first = this.#any(this.#ours);
    const committer = this.#anyBut(first);
    const more = this.#ours.filter((member) => member !== first && member !== committer);
    for (const member of [first, ...more.filter(() => this.#below(2) === 0)]) {
      await this.#propose(member, { type: "update" });
    }
    await this.#commitPending(committer);
  }

  async #proposedAdd(): Promise<void> {
    const newcomer = await this.#newMember();
    const keyPackage = decode(keyPackageCodec, await newcomer.keyPackage());
    await this.#propose(this.#any(this.#ours), { type: "add", keyPackage });
    const { welcome } = await this.#commitPending(this.#any(this.#members));
    await newcomer.join(welcome!);
    this.#members.push(newcomer);
  }

  /** By an external Commit: a newcomer, or a member that comes back. */
  async #enter(member: Member): Promise<void> {
    const hosts = this.#ours.filter((one) => one !== member);
    const info = this.#below(2) === 0 ? this.#freshCoreInfo() : undefined;
    this.#forgetFor(new Set([member]));
    this.#members = this.#members.filter((one) => one !== member);
    const made = await member.joinExternally(info ?? this.#any(hosts).client.groupInfo());
    await this.#publish(member, made);
    this.#members.push(member);
  }

  /**
   * Whether the tree shrinks when this member goes and has to grow again for it to come back. There core-crypto sees
   * leaves of the former tree where RFC 9420 §12.4.2 has blank ones; see the test beside this file.
   */
  #regrows(member: Member): boolean {
    const { nodes } = this.#ours[0]!.client.state.tree;
    const leaves = this.#members
      .filter((one) => one !== member)
      .map(({ name }) => this.#ours[0]!.leafOf(name));
    const width = 2 ** Math.ceil(Math.log2(Math.max(...leaves) + 1));
    return leaves.length === width && nodes.length > 2 * width - 1;
  }

  async #propose(proposer: OurMember, proposal: Parameters<OurMember["propose"]>[0]): Promise<void> {
    const message = proposer.propose(proposal);
    for (const member of this.#members) if (member !== proposer) await member.takeProposal(message);
  }

  async #commitPending(committer: Member): Promise<Made> {
    const made = await committer.commitPending();
    await this.#publish(committer, made);
    return made;
  }

  async #publish(committer: Member, made: Made): Promise<void> {
    const gone = new Set<Member>();
    for (const member of this.#members) {
      if (member !== committer && !(await member.takeCommit(made.commit))) gone.add(member);
    }
    this.#members = this.#members.filter((member) => !gone.has(member));
    this.#forgetFor(gone);
    if (made.groupInfo !== undefined) this.#coreInfo = made.groupInfo;
  }

  /** What is still on its way to those who went is lost, and so is to core-crypto what comes from them. */
  #forgetFor(gone: ReadonlySet<Member>): void {
    for (const { waiting, sender } of this.#inFlight) {
      for (const member of waiting) {
        if (gone.has(member) || (gone.has(sender) && member.kind === "theirs")) waiting.delete(member);
      }
    }
  }

  async #expectAgreement(): Promise<void> {
    const [first, ...rest] = this.#ours;
    const { state, authenticator } = first!.client;
    for (const { client } of rest) {
      assert.equal(client.authenticator, authenticator);
      assert.deepEqual(client.state.context, state.context);
    }
    const names = this.#members.map(({ name }) => name);
    assert.sameMembers(first!.names, names);
    const exported = await first!.exported();
    for (const member of this.#theirs) {
      assert.equal(await member.exported(), exported);
      this.compared += 1;
    }
    const info = this.#freshCoreInfo();
    if (info === undefined) return;
    assert.equal(hex(encode(groupContext, contextOf(info))), hex(encode(groupContext, state.context)));
    this.compared += 1;
  }

  #freshCoreInfo(): Uint8Array | undefined {
    const { epoch } = this.#ours[0]!.client.state.context;
    return this.#coreInfo !== undefined && contextOf(this.#coreInfo).epoch === epoch
      ? this.#coreInfo
      : undefined;
  }

  async #talk(): Promise<void> {
    const sender = this.#any(this.#members);
    const { epoch } = this.#ours[0]!.client.state.context;
    for (let i = this.#below(MESSAGES_AT_ONCE_MAX + 1); i > 0; i -= 1) {
      this.#serial += 1;
      const text = `message ${this.#serial}`;
      const waiting = new Set(this.#members.filter((member) => member !== sender));
      this.#inFlight.push({ bytes: await sender.send(text), text, sender, epoch, waiting });
    }
    const later: InFlight[] = [];
    while (this.#inFlight.length > 0) {
      const [message] = this.#inFlight.splice(this.#below(this.#inFlight.length), 1);
      const isLate = epoch - message!.epoch >= EPOCHS_LATE_MAX;
      if (!isLate && this.#below(4) === 0) later.push(message!);
      else await this.#deliver(message!);
    }
    this.#inFlight = later;
  }

  async #deliver({ bytes, text, sender, waiting }: InFlight): Promise<void> {
    for (const member of waiting) {
      assert.deepInclude(await member.read(bytes), { text, sender: sender.name });
      if (member.kind !== sender.kind) this.crossed += 1;
    }
  }

  async #newMember(kind: Member["kind"] = this.#below(2) === 0 ? "ours" : "theirs"): Promise<Member> {
    this.#serial += 1;
    const user = hex(this.#world.random.bytes(16)).replace(
      /^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/,
      "$1-$2-4$3-8$4-$5",
    );
    const name = `${user}:${this.#serial.toString(16)}@example.org`;
    if (kind === "ours") return new OurMember(this.#world, name);
    return CoreMember.start(this.#core, name, this.#world.cipherSuite);
  }

  get #ours(): OurMember[] {
    return this.#members.filter((member) => member instanceof OurMember);
  }

  get #theirs(): CoreMember[] {
    return this.#members.filter((member) => member instanceof CoreMember);
  }

  #below(bound: number): number {
    return this.#world.random.below(bound);
  }

  #any<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  #anyBut(excluded: Member): Member {
    return this.#any(this.#members.filter((member) => member !== excluded));
  }
}

function contextOf(groupInfo: Uint8Array) {
  const message = decodeMessage(groupInfo);
  if (message.wireFormat !== "group_info") throw new Error("not a GroupInfo");
  return message.groupInfo.groupContext;
}
