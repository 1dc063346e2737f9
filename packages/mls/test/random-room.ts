/**
 * A group that lives through random operations while its properties are watched: all members agree after every Commit,
 * late messages open and lost ones do no harm, whoever was removed neither follows nor reads on, and no AEAD key seals
 * twice. Half of the groups fill up before they live on as it happens.
 */
import { assert } from "vitest";
import {
  appDataExtension,
  type Committed,
  type GroupState,
  type Proposal,
  receive,
  restoreState,
} from "../src/index.ts";
import type { Primitives } from "../src/crypto/primitives.ts";
import { groupContextBytes } from "../src/wire/group-context.ts";
import { decodeMessage } from "../src/wire/message.ts";
import { nextEpoch, provisionalContext } from "../src/group/epoch.ts";
import { suiteOf } from "../src/group/state.ts";
import { Refusal } from "../src/rules.ts";
import { openSenderData } from "../src/schedule/private-framing.ts";
import { leafCount } from "../src/tree/ratchet-tree.ts";
import type { LeafIndex } from "../src/tree/math.ts";
import { hex } from "./vectors.ts";
import { add, type Client, remove, want, World } from "./world.ts";
import { backends } from "./backends.ts";

interface InFlight {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly epoch: bigint;
  readonly waiting: Set<Client>;
}

/** Seals with each key once, or fails the test. */
function watchful(primitives: Primitives): Primitives {
  const used = new Set<string>();
  return {
    ...primitives,
    seal(aead, key, nonce, aad, plaintext) {
      const name = hex(key);
      if (used.has(name)) throw new Error("a key was used twice");
      used.add(name);
      return primitives.seal(aead, key, nonce, aad, plaintext);
    },
  };
}

export interface RoomOptions {
  readonly seed: string;
  readonly cipherSuite: number;
  readonly membersMax: number;
  /** Whether the group grows to `membersMax` before anybody is removed. */
  readonly fills: boolean;
}

/** What happened, beside the operations themselves. */
export interface Happened {
  /** Removed members tried against the Commit that removed them, and later messages tried by them. */
  shutOut: number;
  unreadable: number;
  /** Messages opened in their epoch, opened in a later one, and too late to be opened. */
  opened: number;
  late: number;
  tooLate: number;
  lost: number;
  restarts: number;
  /** Members who came into a leaf that had been another's. */
  refilled: number;
  /** Steps after which at least half of the leaves were blank. */
  halfEmpty: number;
  /** Commits that lost against another one. */
  losers: number;
}

/** Removed members who go on trying to read. */
const GHOSTS_MAX = 4;

export class RandomRoom {
  readonly world: World;
  readonly membersMax: number;
  members: Client[] = [];
  readonly counts = new Map<string, number>();
  readonly happened: Happened = {
    shutOut: 0,
    unreadable: 0,
    opened: 0,
    late: 0,
    tooLate: 0,
    lost: 0,
    restarts: 0,
    refilled: 0,
    halfEmpty: 0,
    losers: 0,
  };
  /** The most members that there were at one time. */
  largest = 0;
  #filling: boolean;
  #ghosts: GroupState[] = [];
  readonly #everUsed = new Set<LeafIndex>();
  #inFlight: InFlight[] = [];
  #serial = 0;

  constructor({ seed, cipherSuite, membersMax, fills }: RoomOptions) {
    this.world = new World({ seed, cipherSuite, primitives: watchful(backends.at(-1)!) });
    this.#filling = fills;
    this.world.psks.set("shared", this.world.random.bytes(32));
    this.membersMax = membersMax;
    const creator = this.#newClient();
    creator.create();
    this.members = [creator];
    this.#add();
    this.#countLeaves([]);
  }

  /** One operation, then messages, some of which wait or get lost. */
  step(): void {
    const operations = this.#possible();
    const [name, run] = operations[this.#below(operations.length)]!;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const before = this.members;
    run();
    this.#expectAgreement();
    this.#countLeaves(before);
    this.#talk();
    if (this.#below(4) > 0) return;
    this.#any().restart();
    this.happened.restarts += 1;
  }

  #possible(): [string, () => void][] {
    const room = this.members.length < this.membersMax;
    if (!room) this.#filling = false;
    const several = this.members.length > 2 && !this.#filling;
    const always: [string, () => void][] = [
      ["update", () => this.#publish(this.#any().commit())],
      ["updates by proposal", () => this.#proposedUpdates()],
      ["race", () => this.#race()],
      ["psk", () => this.#psk()],
      ["extensions", () => this.#extensions()],
    ];
    if (room)
      always.push(
        ["add", () => this.#add()],
        ["external join", () => this.#externalJoin()],
        ["asks", () => this.#asks()],
      );
    if (this.members.length > 1) always.push(["resync", () => this.#resync()]);
    if (several) {
      always.push(["remove", () => this.#remove()], ["leave", () => this.#leave()]);
      always.push(["combined", () => this.#combined()], ["mass removal", () => this.#massRemoval()]);
    }
    return always;
  }

  #add(): void {
    const most = Math.min(
      Math.max(3, Math.floor(this.membersMax / 4)),
      this.membersMax - this.members.length,
    );
    const newcomers = Array.from({ length: 1 + this.#below(most) }, () => this.#newClient());
    const packages = newcomers.map((client) => client.keyPackage());
    const path = this.#below(2) === 0 ? "always" : "when-required";
    const committed = this.#any().commit({ proposals: packages.map(add), path, ...this.#wire() });
    this.#publish(committed);
    newcomers.forEach((client, i) => client.join(committed.welcome!, [packages[i]!]));
    this.members.push(...newcomers);
  }

  #remove(): void {
    const committer = this.#any();
    const victim = this.#anyBut(committer);
    this.#publish(committer.commit({ proposals: [remove(victim.state.ownLeaf)], ...this.#wire() }));
  }

  #massRemoval(): void {
    const committer = this.#any();
    const victims = this.members.filter((client) => client !== committer && this.#below(2) === 0);
    const proposals = victims.map((client) => remove(client.state.ownLeaf));
    this.#publish(committer.commit({ proposals, ...this.#wire() }));
  }

  #leave(): void {
    const leaver = this.#any();
    const message = leaver.propose({ type: "self_remove" });
    for (const client of this.#others(leaver)) want(client.receive(message), "proposal");
    if (this.#below(2) === 0 || this.members.length >= this.membersMax) {
      this.#publish(this.#anyBut(leaver).commit());
      return;
    }
    const joiner = this.#newClient();
    this.#enter(joiner, this.#any().groupInfo(), undefined, [message]);
  }

  #proposedUpdates(): void {
    const committer = this.#any();
    for (const client of this.#others(committer).filter(() => this.#below(3) === 0)) {
      const message = client.propose({ type: "update" }, this.#wire());
      for (const other of this.#others(client)) want(other.receive(message), "proposal");
    }
    this.#publish(committer.commit(this.#wire()));
  }

  #combined(): void {
    const [committer, newcomer] = [this.#any(), this.#newClient()];
    const victim = this.#anyBut(committer);
    for (const client of this.#others(committer).filter((one) => one !== victim && this.#below(2) === 0)) {
      const message = client.propose({ type: "update" });
      for (const other of this.#others(client)) want(other.receive(message), "proposal");
    }
    const kp = newcomer.keyPackage();
    const proposals = [add(kp), remove(victim.state.ownLeaf)];
    const committed = committer.commit({ proposals, ...this.#wire() });
    this.#publish(committed);
    newcomer.join(committed.welcome!, [kp]);
    this.members.push(newcomer);
  }

  /** Two Commits for one epoch: the first wins, the loser drops its own and follows. */
  #race(): void {
    const [winner, loser] = [this.#any(), this.#any()];
    const lost = loser === winner ? undefined : loser.commit(this.#wire());
    const won = winner.commit(this.#wire());
    this.#publish(won);
    if (lost === undefined) return;
    want(this.#anyBut(loser).receive(lost.commit), "stale-epoch");
    this.happened.losers += 1;
  }

  #externalJoin(): void {
    this.#enter(this.#newClient(), this.#any().groupInfo());
  }

  #resync(): void {
    const client = this.#any();
    const info = this.#anyBut(client).groupInfo();
    const replaces = client.state.ownLeaf;
    for (const message of this.#inFlight) message.waiting.delete(client);
    this.members = this.members.filter((one) => one !== client);
    this.#enter(client, info, replaces);
  }

  #enter(
    client: Client,
    info: Uint8Array,
    replaces?: GroupState["ownLeaf"],
    selfRemoves: Uint8Array[] = [],
  ): void {
    const entry = client.joinExternally(info, replaces, selfRemoves);
    for (const member of this.members) this.#deliverCommit(member, entry);
    this.members = [...this.members.filter((one) => one.isMember), client];
  }

  /** A newcomer proposes its own addition. */
  #asks(): void {
    const [member, newcomer] = [this.#any(), this.#newClient()];
    const kp = newcomer.keyPackage();
    const message = newcomer.askToJoin(member.state.context, kp);
    for (const client of this.members) want(client.receive(message), "proposal");
    const committed = member.commit(this.#wire());
    this.#publish(committed);
    newcomer.join(committed.welcome!, [kp]);
    this.members.push(newcomer);
  }

  #psk(): void {
    const source = { type: "external", id: new TextEncoder().encode("shared") } as const;
    const psk = { source, nonce: this.world.random.bytes(32) };
    const own = { type: "resumption", usage: "application" } as const;
    const { groupId, epoch } = this.#any().state.context;
    const history = { source: { ...own, groupId, epoch }, nonce: this.world.random.bytes(32) };
    const proposals: Proposal[] = [
      { type: "psk", psk },
      { type: "psk", psk: history },
    ];
    this.#publish(this.#any().commit({ proposals, path: "when-required", ...this.#wire() }));
  }

  #extensions(): void {
    const data = this.world.random.bytes(5);
    const extension = appDataExtension([{ componentId: 0x8000, data }]);
    const replaceAll: Proposal = { type: "group_context_extensions", extensions: [extension] };
    const one: Proposal = { type: "app_data_update", componentId: 0x8001, update: data };
    this.#publish(
      this.#any().commit({ proposals: [this.#below(2) === 0 ? replaceAll : one], path: "when-required" }),
    );
  }

  #publish(committed: Committed & { readonly by?: Client }): void {
    const committer = this.members.find((client) => client.state.ownLeaf === committed.summary.committer)!;
    for (const client of this.members)
      if (client !== committer) this.#deliverCommit(client, committed.commit);
    want(committer.receive(committed.commit), "own-message");
    committer.accept(committed);
    this.members = this.members.filter((client) => client.isMember);
  }

  #deliverCommit(client: Client, bytes: Uint8Array): void {
    const before = this.#below(3) === 0 ? new Map(client.store) : undefined;
    const outcome = client.receive(bytes);
    if (outcome.kind === "commit") return;
    want(outcome, "removed");
    for (const message of this.#inFlight) message.waiting.delete(client);
    if (before === undefined) return;
    const ghost = restoreState(before);
    this.#expectShutOut(ghost, bytes);
    this.#ghosts = [ghost, ...this.#ghosts].slice(0, GHOSTS_MAX);
  }

  /**
   * With all that a removed member ever stored, none of the Commit's path secrets opens, and without one its next epoch is
   * not the members'.
   */
  #expectShutOut(ghost: GroupState, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message.wireFormat !== "public_message" || message.publicMessage.content.body.type !== "commit")
      return;
    const { content, auth } = message.publicMessage;
    const { path } = message.publicMessage.content.body.commit;
    const suite = suiteOf(this.world.env(), ghost);
    const follower = this.members.find(
      (client) => client.isMember && client.state.context.epoch > ghost.context.epoch,
    );
    if (path === undefined || follower === undefined) return;
    const { tree, context } = follower.state;
    const provisional = provisionalContext(suite, ghost.context, tree, context.extensions);
    this.happened.shutOut += 1;
    for (const sealed of path.nodes.flatMap((pathNode) => pathNode.encryptedPathSecrets).slice(0, 12)) {
      for (const [at, privateKey] of ghost.privateKeys) {
        const value = ghost.tree.nodes[at]!;
        const { encryptionKey } = value.kind === "leaf" ? value.leaf : value.parent;
        const pair = { privateKey, publicKey: encryptionKey };
        const opened = suite.decryptWithLabel(pair, "UpdatePathNode", groupContextBytes(provisional), sealed);
        assert.isUndefined(opened);
      }
    }
    const guessed = nextEpoch(suite, {
      provisional,
      interimBefore: ghost.interimTranscriptHash,
      initSecret: ghost.secrets.initSecret,
      commitSecret: new Uint8Array(suite.secretBytes),
      psks: [],
      wireFormat: "public_message",
      content,
      signature: auth.signature,
    });
    assert.notEqual(hex(guessed.start.secrets.epochAuthenticator), follower.authenticator);
  }

  /** Not even who sent it. */
  #expectUnreadable(bytes: Uint8Array): void {
    for (const ghost of this.#ghosts) {
      want(receive(ghost, bytes, this.world.env()), "future-epoch");
      const message = decodeMessage(bytes);
      if (message.wireFormat !== "private_message") throw new Error("application data in the clear");
      const { secrets, past } = ghost;
      const suite = suiteOf(this.world.env(), ghost);
      for (const { senderDataSecret } of [secrets, ...past]) {
        try {
          openSenderData(suite, senderDataSecret, message.privateMessage);
        } catch (thrown) {
          assert.instanceOf(thrown, Refusal);
          assert.equal(thrown.rule, "message.sender-data");
          this.happened.unreadable += 1;
          continue;
        }
        assert.fail("a removed member opened what was sent after it had gone");
      }
    }
  }

  #countLeaves(before: readonly Client[]): void {
    for (const client of this.members) {
      const leaf = client.state.ownLeaf;
      if (!before.includes(client) && this.#everUsed.has(leaf)) this.happened.refilled += 1;
      this.#everUsed.add(leaf);
    }
    if (leafCount(this.members[0]!.state.tree) >= 2 * this.members.length) this.happened.halfEmpty += 1;
  }

  #expectAgreement(): void {
    this.largest = Math.max(this.largest, this.members.length);
    const [first, ...rest] = this.members;
    for (const client of rest) {
      assert.equal(client.authenticator, first!.authenticator);
      assert.deepEqual(client.state.context, first!.state.context);
    }
  }

  #talk(): void {
    const sender = this.#any();
    for (let i = this.#below(4); i > 0; i -= 1) {
      this.#serial += 1;
      const text = `message ${this.#serial}`;
      const bytes = sender.send(text);
      this.#expectUnreadable(bytes);
      const { epoch } = sender.state.context;
      this.#inFlight.push({ bytes, text, epoch, waiting: new Set(this.#others(sender)) });
    }
    const kept: InFlight[] = [];
    while (this.#inFlight.length > 0) {
      const [message] = this.#inFlight.splice(this.#below(this.#inFlight.length), 1);
      const fate = this.#below(8);
      if (fate < 4) kept.push(message!);
      else if (fate > 4) this.#deliver(message!);
      else this.happened.lost += 1;
    }
    this.#inFlight = kept;
  }

  #deliver({ bytes, text, epoch, waiting }: InFlight): void {
    for (const client of waiting) {
      if (!client.isMember) continue;
      const outcome = client.receive(bytes);
      const age = client.state.context.epoch - epoch;
      if (age > 5n) {
        want(outcome, "stale-epoch");
        this.happened.tooLate += 1;
        continue;
      }
      assert.equal(new TextDecoder().decode(want(outcome, "application").data), text);
      want(client.receive(bytes), "duplicate");
      if (age > 0n) this.happened.late += 1;
      else this.happened.opened += 1;
    }
  }

  #wire(): { wireFormat: "public_message" | "private_message" } {
    return { wireFormat: this.#below(2) === 0 ? "public_message" : "private_message" };
  }

  #newClient(): Client {
    this.#serial += 1;
    return this.world.client(`client ${this.#serial}`);
  }

  #below(bound: number): number {
    return this.world.random.below(bound);
  }

  #any(): Client {
    return this.members[this.#below(this.members.length)]!;
  }

  #anyBut(excluded: Client): Client {
    const others = this.#others(excluded);
    return others[this.#below(others.length)]!;
  }

  #others(excluded: Client): Client[] {
    return this.members.filter((client) => client !== excluded);
  }
}
