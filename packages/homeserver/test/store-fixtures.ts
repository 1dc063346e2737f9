/** Names and rows for tests of stores: recognisable, and the same in every run. */
import type { AccountId, DeviceId, EnvelopeId, ServerId } from "@fedchat/protocol";
import { accountId, deviceId, envelopeId, serverId } from "@fedchat/protocol";
import type { AccountRow, Delivery, LinkRow, OutboxRow, WriteOp } from "../src/store/store.ts";

function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7 + (seed >> (index % 4))) & 0xff);
}

export const account = (n: number): AccountId => accountId.fromBytes(bytes(32, n + 1));
export const device = (n: number): DeviceId => deviceId.fromBytes(bytes(16, n + 50));
export const server = (n: number): ServerId => serverId.fromBytes(bytes(32, n + 100));

export function envelope(n: number): EnvelopeId {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, n);
  return envelopeId.fromBytes(id);
}

export const alice = account(0);
export const bob = account(1);
export const carol = account(2);
export const phone = device(0);
export const laptop = device(1);
export const here = server(0);
export const there = server(1);

export function accountRow(id: AccountId, handle: string): AccountRow {
  return {
    account: id,
    handle,
    record: Uint8Array.of(1, 2, 3),
    administrator: id === alice,
    createdAt: 1_700_000_000_000,
    password: undefined,
    visibility: undefined,
  };
}

export function opening(id: AccountId, handle: string, devices: DeviceId[]): WriteOp {
  return {
    op: "account.open",
    row: accountRow(id, handle),
    devices,
    incarnation: new Uint8Array(16).fill(9),
  };
}

export function delivery(n: number, to: AccountId[], change: Partial<Delivery> = {}): Delivery {
  return {
    server: here,
    from: carol,
    id: envelope(n),
    kind: "room",
    created: 1_000 + n,
    received: 2_000 + n,
    payload: new TextEncoder().encode(`payload ${n}`),
    to,
    ...change,
  };
}

export const deliver = (...deliveries: Delivery[]): WriteOp => deliverAbove(0, ...deliveries);
export const deliverAbove = (above: number, ...deliveries: Delivery[]): WriteOp => ({
  op: "inbox.deliver",
  deliveries,
  above,
});

export function bundle(sequence: number, change: Partial<OutboxRow> = {}): OutboxRow {
  return {
    destination: there,
    class: "messages",
    stream: 7,
    sequence,
    created: 3_000 + sequence,
    expiresAt: 9_000 + sequence,
    body: new TextEncoder().encode(`bundle ${sequence}`),
    envelopes: [{ id: envelope(sequence), from: alice }],
    ...change,
  };
}

export function link(to: ServerId, change: Partial<LinkRow> = {}): LinkRow {
  return {
    server: to,
    linkedByUs: true,
    linkedByThem: false,
    blocked: false,
    localName: undefined,
    addresses: [{ host: "chat.example.com", port: 8443, kind: "direct" }],
    linkedAt: 5_000,
    origin: "person",
    lastContactAt: undefined,
    ...change,
  };
}
