/**
 * The same steps as bare calls of packages/mls and as calls of the engine's own use of it, in this process: what of the
 * engine's time is MLS, and how many bytes cross the wire.
 */
import * as mls from "@fedchat/mls";
import { roomId, serverId } from "@fedchat/protocol";
import { nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { makeAccount } from "../../packages/homeserver/test/test-account.ts";
import type { MlsRoomCrypto } from "../../packages/engine/src/mls/mls-room.ts";
import { type Backend, done, environment, keyPackageOf } from "../mls/ours.ts";
import { median } from "./median.ts";

const classical = 0x0003;
const repeated = 8;
const perCommit = 32;
/** The first of an epoch also reads the room's state, once. */
const perEpoch = 5;
const payload = new Uint8Array(400);

/** CPU milliseconds, but for the bytes. */
export interface StepCosts {
  add: number;
  addReceived: number;
  remove: number;
  removeReceived: number;
  send: number;
  sendReceived: number;
}

export interface StepBytes {
  commitAdd: number;
  commitRemove: number;
  info: number;
  welcome: number;
  message: number;
}

/** Commits are made by somebody whose tree is settled above them, and received by one other. */
export function plainCosts(backend: Backend, members: number): StepCosts {
  const env = environment(backend);
  const alice = keyPackageOf("alice", classical, env);
  const bob = keyPackageOf("bob", classical, env);
  let state = done(mls.createGroup(alice, { groupId: env.random.bytes(32) }, env), "created").state;
  const addAll = (packages: mls.OwnKeyPackage[]) => {
    const proposals = packages.map(({ keyPackage }) => ({ type: "add", keyPackage }) as const);
    return done(mls.commit(state, { proposals }, env), "committed");
  };
  const first = addAll([bob]);
  state = first.next;
  let theirs = done(mls.join({ welcome: first.welcome!, keyPackages: [bob] }, env), "joined").state;
  const follow = (commit: Uint8Array) => (theirs = done(mls.receive(theirs, commit, env), "commit").state);
  for (let there = 2; there < members; there += perCommit) {
    const names = Array.from({ length: Math.min(perCommit, members - there) }, (_, at) => `m${there + at}`);
    const made = addAll(names.map((name) => keyPackageOf(name, classical, env)));
    state = made.next;
    follow(made.commit);
  }
  const taken: Record<keyof StepCosts, number[]> = emptyCosts();
  for (let round = 0; round < repeated; round += 1) {
    const extra = keyPackageOf(`extra${round}`, classical, env);
    const added = timed(taken.add, () => addAll([extra]));
    state = added.next;
    timed(taken.addReceived, () => follow(added.commit));
    const leaf = added.summary.added[0]!;
    const out = timed(taken.remove, () =>
      done(mls.commit(state, { proposals: [{ type: "remove", removed: leaf }] }, env), "committed"),
    );
    state = out.next;
    timed(taken.removeReceived, () => follow(out.commit));
    for (let message = 0; message < perEpoch; message += 1) {
      const sent = timed(taken.send, () => done(mls.encrypt(state, { data: payload }, env), "encrypted"));
      state = sent.state;
      timed(taken.sendReceived, () => {
        theirs = done(mls.receive(theirs, sent.message, env), "application").state;
      });
    }
  }
  return medians(taken);
}

export function roomCosts(crypto: MlsRoomCrypto, members: number): { costs: StepCosts; bytes: StepBytes } {
  const server = serverId.fromBytes(nodePrimitives.ed25519.publicKey(nodeRandom.bytes(32)));
  const keys = { primitives: nodePrimitives, random: nodeRandom };
  const person = (handle: string) => {
    const account = makeAccount(keys, { server, handle, nowMs: Date.now() });
    const { signatureSeed, certificate } = account.devices[0]!;
    const signaturePublicKey = nodePrimitives.ed25519.publicKey(signatureSeed);
    const identity = { signaturePrivateKey: signatureSeed, signaturePublicKey, credential: certificate };
    return { account, identity, ready: crypto.createKeyPackage(identity, "classical") };
  };
  const room = roomId.fromBytes(nodeRandom.bytes(16));
  const [alice, bob] = [person("alice"), person("bob")];
  const created = done(
    crypto.create({
      ...{ room, groupId: nodeRandom.bytes(32), suite: "classical", identity: alice.identity },
      ...{
        record: alice.account.signed,
        name: "bench",
        join: "invited",
        invite: "moderators",
        hubs: [server],
      },
    }),
    "created",
  );
  let { state } = created;
  const admit = (people: ReturnType<typeof person>[]) =>
    done(
      crypto.commit(state, {
        updates: people.map(({ account }) => ({ kind: "admit", record: account.signed, role: "member" })),
        add: people.map(({ ready }) => ready.keyPackage),
      }),
      "committed",
    );
  const first = admit([bob]);
  state = first.next;
  let theirs = done(
    crypto.join({ room, welcome: first.welcome!, identity: bob.identity, ...bob.ready }),
    "joined",
  ).state;
  const follow = (message: Uint8Array) => (theirs = done(crypto.receive(theirs, message), "commit").state);
  for (let there = 2; there < members; there += perCommit) {
    const people = Array.from({ length: Math.min(perCommit, members - there) }, (_, at) =>
      person(`m${there + at}`),
    );
    const made = admit(people);
    state = made.next;
    follow(made.message);
  }
  const taken: Record<keyof StepCosts, number[]> = emptyCosts();
  const bytes: StepBytes = { commitAdd: 0, commitRemove: 0, info: 0, welcome: 0, message: 0 };
  for (let round = 0; round < repeated; round += 1) {
    const extra = person(`extra${round}`);
    const added = timed(taken.add, () => admit([extra]));
    state = added.next;
    timed(taken.addReceived, () => follow(added.message));
    const update = { kind: "remove", account: extra.account.id } as const;
    const out = timed(taken.remove, () => done(crypto.commit(state, { updates: [update] }), "committed"));
    state = out.next;
    timed(taken.removeReceived, () => follow(out.message));
    for (let message = 0; message < perEpoch; message += 1) {
      const sent = timed(taken.send, () => crypto.encrypt(state, payload));
      state = sent.state;
      bytes.message = sent.message.length;
      timed(
        taken.sendReceived,
        () => (theirs = done(crypto.receive(theirs, sent.message), "application").state),
      );
    }
    Object.assign(bytes, {
      ...{ commitAdd: added.message.length, commitRemove: out.message.length, info: out.after.info.length },
      welcome: added.welcome!.length,
    } satisfies Omit<StepBytes, "message">);
  }
  return { costs: medians(taken), bytes };
}

const emptyCosts = () => ({
  ...{ add: [], addReceived: [], remove: [], removeReceived: [], send: [], sendReceived: [] },
});

function timed<T>(taken: number[], work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  taken.push((user + system) / 1_000);
  return result;
}

function medians(taken: Record<keyof StepCosts, number[]>): StepCosts {
  const entries = Object.entries(taken).map(([step, all]) => [step, median(all)]);
  return Object.fromEntries(entries) as StepCosts;
}
