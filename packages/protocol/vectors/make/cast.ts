/** Who appears in the vectors. Every key is SHAKE-256 of a sentence, so that anybody can make it again. */
import { createHash } from "node:crypto";
import type { AccountRecord, DeviceCertificate, RandomSource, ServerRecord } from "../../src/index.ts";
import {
  accountId,
  accountRecord,
  deviceCertificate,
  deviceId,
  serverId,
  serverRecord,
} from "../../src/index.ts";
import { nodePrimitives } from "../../src/primitives/node.ts";

export const p = nodePrimitives;
/** 15 January 2027, 08:00 UTC. */
export const now = 1_800_000_000_000;

/** `length` bytes of SHAKE-256 over a sentence: keys, ids and whatever else is random in earnest. */
export function made(sentence: string, length = 32): Uint8Array {
  return new Uint8Array(
    createHash("shake256", { outputLength: length }).update(`fedchat vectors: ${sentence}`).digest(),
  );
}

/** Gives these values in this order, whatever is asked for. */
export function given(...values: Uint8Array[]): RandomSource {
  const left = values.map((value) => value.slice());
  return {
    bytes(length) {
      const value = left.shift();
      if (value?.length !== length) throw new Error(`no ${length} bytes are left`);
      return value;
    },
  };
}

function homeserver(name: string, more: Partial<ServerRecord> = {}) {
  const seed = made(`server key of ${name}`);
  const noisePrivateKey = made(`noise key of ${name}`);
  const record: ServerRecord = {
    key: serverId.fromBytes(p.ed25519.publicKey(seed)),
    name,
    noiseKey: p.x25519.publicKey(noisePrivateKey),
    addresses: [{ host: "127.0.0.1", port: 8443, kind: "lan" }],
    relays: [],
    relaysFor: "nobody",
    neighbours: [],
    software: "fedchat/0.1.0",
    sequence: now,
    issued: now,
    expires: now + 30 * 86_400_000,
    ...more,
  };
  return { name, seed, noisePrivateKey, id: record.key, record, signed: serverRecord.sign(p, seed, record) };
}

export const serverC = homeserver("carol");
export const serverB = homeserver("bob");
export const serverA = homeserver("chat.example.com", {
  addresses: [
    { host: "chat.example.com", port: 443, kind: "proxy" },
    { host: "2001:db8::1", port: 8443, kind: "direct" },
    { host: "192.168.1.20", port: 8443, kind: "lan" },
  ],
  relays: [serverC.id],
  relaysFor: "linked",
  neighbours: [serverB.id, serverC.id],
});

function person(name: string, server: typeof serverA, deviceNames: string[]) {
  const handle = name.toLowerCase();
  const seed = made(`account key of ${name}`);
  const account = accountId.fromBytes(p.ed25519.publicKey(seed));
  const devices = deviceNames.map((deviceName) => {
    const signatureSeed = made(`signature key of ${name}'s ${deviceName}`);
    const noisePrivateKey = made(`noise key of ${name}'s ${deviceName}`);
    const certificate: DeviceCertificate = {
      account,
      device: deviceId.fromBytes(made(`device id of ${name}'s ${deviceName}`, 16)),
      signatureKey: p.ed25519.publicKey(signatureSeed),
      noiseKey: p.x25519.publicKey(noisePrivateKey),
      name: deviceName,
      created: now - 1_000,
    };
    return {
      signatureSeed,
      noisePrivateKey,
      certificate,
      signed: deviceCertificate.sign(p, seed, certificate),
    };
  });
  const requestSeed = made(`request key of ${name}`);
  const record: AccountRecord = {
    account,
    recoveryKeyHash: null,
    server: server.id,
    handle,
    displayName: name,
    devices: devices.map(({ signed }) => signed),
    requestKey: { id: made(`request key id of ${name}`, 8), publicKey: p.xwing.publicKey(requestSeed) },
    sequence: now,
    issued: now,
  };
  return { name, seed, account, devices, requestSeed, record, signed: accountRecord.sign(p, seed, record) };
}

export const alice = person("Alice", serverA, ["Laptop", "Phone"]);
export const bob = person("Bob", serverB, ["Box"]);
