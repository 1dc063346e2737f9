import type { AccountId, ServerId } from "@fedchat/protocol";
import { accountId, envelopeId, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { AskingServers } from "../src/core/accounts/asking-servers.ts";
import { askingServersMax, askingServersTotalMax } from "../src/core/limits.ts";
import type { Delivery, WriteOp } from "../src/store/store.ts";

const numbered = (number: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};
const account = (number: number): AccountId => accountId.fromBytes(numbered(number));
const server = (number: number): ServerId => serverId.fromBytes(numbered(number));

const delivery = (from: ServerId, to: AccountId, kind: Delivery["kind"] = "request"): Delivery => ({
  ...{ server: from, from: account(1_000_000), to: [to], kind, created: 1, received: 1 },
  ...{ id: envelopeId.fromBytes(new Uint8Array(16)), payload: new Uint8Array(0) },
});

/** What the disk has after these. */
function written(ops: WriteOp[], meta = new Map<string, Uint8Array>()): Map<string, Uint8Array> {
  for (const op of ops) if (op.op === "meta.put") meta.set(op.key, op.value);
  return meta;
}

test("[C11] whence an account was asked is known at the next start, and of what else comes nothing", () => {
  const asking = new AskingServers(new Map());
  const ops = asking.delivering([
    delivery(server(1), account(1)),
    delivery(server(2), account(2)),
    delivery(server(3), account(1), "room"),
    delivery(server(4), account(1), "answer"),
  ]);
  for (const one of [asking, new AskingServers(written(ops))]) {
    expect([1, 2, 3, 4].map((number) => one.has(server(number)))).toEqual([true, true, false, false]);
    expect([...one.of(account(1))]).toEqual([server(1)]);
    expect([...one.of(account(2))]).toEqual([server(2)]);
  }
  expect(asking.delivering([delivery(server(1), account(1))])).toEqual([]);
});

test("[C11] of one account the server goes that asked longest ago", () => {
  const asking = new AskingServers(new Map());
  const meta = new Map<string, Uint8Array>();
  for (let number = 0; number < askingServersMax; number += 1)
    written(asking.delivering([delivery(server(number), account(1))]), meta);
  // The first asks once more.
  for (const number of [0, askingServersMax])
    written(asking.delivering([delivery(server(number), account(1))]), meta);
  for (const one of [asking, new AskingServers(meta)]) {
    expect([0, 1, 2, askingServersMax].map((number) => one.has(server(number)))).toEqual([
      ...[true, false],
      ...[true, true],
    ]);
    expect([...one.of(account(1))]).toHaveLength(askingServersMax);
  }
});

test("[C11] of all accounts one goes of the account that has the most, on disk too", () => {
  const asking = new AskingServers(new Map());
  const meta = written(asking.delivering([delivery(server(0), account(0))]));
  const flooded = askingServersTotalMax / askingServersMax + 1;
  for (let number = 1; number <= flooded * askingServersMax; number += 1)
    written(asking.delivering([delivery(server(number), account(1 + (number % flooded)))]), meta);
  for (const one of [asking, new AskingServers(meta)]) {
    expect(one.has(server(0))).toBe(true);
    const held = Array.from({ length: flooded + 1 }, (_, number) => [...one.of(account(number))].length);
    expect(held.reduce((sum, count) => sum + count)).toBe(askingServersTotalMax);
  }
});

test("[C11] what a full disk refused is stored with what comes next", () => {
  const asking = new AskingServers(new Map());
  for (let times = 0; times < 2; times += 1)
    asking.failed(asking.delivering([delivery(server(1), account(1))]));
  const later = written(asking.delivering([delivery(server(2), account(2), "room")]));
  expect(new AskingServers(later).has(server(1))).toBe(true);
});
