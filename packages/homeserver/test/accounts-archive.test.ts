/** Archives, as an account's devices meet them, and the way in for whoever has nothing but the account key. */
import { limits, signAs } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { archiveBytesMax } from "../src/core/limits.ts";
import type { TestAccount, TestDevice } from "./test-account.ts";
import type { TestClient } from "./client.ts";
import { primitives, random, startHomeserver } from "./start-homeserver.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });
const bytes = (...values: number[]) => new Uint8Array(values);

test("[F6] a segment comes in pieces, goes on where it broke off, and is read by every device of the account", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice", 2);
  const [first, second] = account.devices;
  const piece = (offset: number, ...values: number[]) =>
    client.request("archive.put", { number: 1, offset, total: 5, bytes: bytes(...values) });
  expect(await piece(0, 1, 2, 3)).toEqual({ held: 3 });
  // The answer was lost, or the engine lost its place: what is held is said, and nothing is written twice.
  expect(await piece(0, 1, 2, 3)).toEqual({ held: 3 });
  expect(await piece(4, 5)).toEqual({ held: 3 });
  await using later = await world.restart();
  const again = await later.reopen(account, 9);
  const other = await later.reopen(account, 0, second!);
  expect(
    await again.client.request("archive.put", { number: 1, offset: 3, total: 5, bytes: bytes(4, 5) }),
  ).toEqual({
    held: 5,
  });
  expect(await other.client.request("archive.list", {})).toEqual({
    segments: [{ device: first!.id, number: 1, total: 5, held: 5 }],
    bytesMax: archiveBytesMax,
  });
  const part = { device: first!.id, number: 1 };
  expect(await other.client.request("archive.get", { ...part, offset: 2 })).toEqual({
    total: 5,
    bytes: bytes(3, 4, 5),
  });
  await expect(other.client.request("archive.get", { ...part, offset: 5 })).rejects.toEqual(
    code("not-found"),
  );
});

test("[F6] a segment that is whole never changes, and numbers only rise", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  const put = (number: number, offset: number, total: number, ...values: number[]) =>
    client.request("archive.put", { number, offset, total, bytes: bytes(...values) });
  await put(2, 0, 1, 7);
  expect(await put(2, 0, 1, 8)).toEqual({ held: 1 });
  await expect(put(2, 0, 2, 8, 8)).rejects.toEqual(code("conflict"));
  await expect(put(1, 0, 1, 8)).rejects.toEqual(code("conflict"));
  for (const [number, offset, total] of [
    [0, 0, 1],
    [3, 1, 1],
  ] as const)
    await expect(put(number, offset, total, 8)).rejects.toEqual(code("malformed"));
  await expect(put(3, 1, 2, 8)).rejects.toEqual(code("not-found"));
});

test("[F6] an archive is its account's alone, has a bound, and has room again for what was dropped", async () => {
  await using world = await startHomeserver();
  const { account, client } = await world.join("alice");
  const bob = await world.join("bob");
  const device = account.devices[0]!.id;
  const total = limits.archiveSegmentBytesMax;
  const put = (number: number) =>
    client.request("archive.put", { number, offset: 0, total, bytes: bytes(1) });
  const most = archiveBytesMax / total;
  for (let number = 1; number <= most; number += 1) await put(number);
  await expect(put(most + 1)).rejects.toEqual(code("quota-exceeded"));
  await expect(bob.client.request("archive.get", { device, number: 1, offset: 0 })).rejects.toEqual(
    code("not-found"),
  );
  await bob.client.request("archive.drop", { device, numbers: [1] });
  expect((await bob.client.request("archive.list", {})).segments).toEqual([]);
  await expect(put(most + 1)).rejects.toEqual(code("quota-exceeded"));
  await client.request("archive.drop", { device, numbers: [1, 2] });
  expect(await put(most + 1)).toEqual({ held: 1 });
});

test("[F6] a full disk refuses pieces and keeps what it has", async () => {
  let full = false;
  await using world = await startHomeserver({ disk: { full: () => full } });
  const { client } = await world.join("alice");
  const put = (number: number) =>
    client.request("archive.put", { number, offset: 0, total: 1, bytes: bytes(1) });
  await put(1);
  full = true;
  await expect(put(2)).rejects.toEqual(code("storage-full"));
  full = false;
  await world.clock.advance(10_000);
  expect(await put(2)).toEqual({ held: 1 });
  expect((await client.request("archive.list", {})).segments).toHaveLength(2);
});

const prove = (client: TestClient, { id, seed }: TestAccount, by = seed) =>
  client.request("account.prove", {
    account: id,
    signature: signAs(primitives, "account-recovery", by, client.channel.handshakeHash),
  });

const add = (on: TestClient, record: Uint8Array, device: TestDevice) =>
  on.request("device.add", { record, device: device.id, signature: on.signature });

test("[F11] whoever has the account key adds a device on the very channel, and what the record leaves out is out", async () => {
  await using world = await startHomeserver();
  const { account, client: lost } = await world.join("alice");
  const device = world.device(account);
  const { signed } = world.change(account, { devices: [device.certificate] });
  const client = await world.connect(device);
  await expect(add(client, signed, device)).rejects.toEqual(code("not-allowed"));
  expect(await prove(client, account)).toEqual({ record: account.signed });
  await expect(add(await world.connect(device), signed, device)).rejects.toEqual(code("not-allowed"));
  const opened = await add(client, signed, device);
  expect(opened).toMatchObject({ handle: "alice", record: signed });
  expect(await lost.closed).toBe("not-allowed");
});

test("[F11] another key, another channel's proof and an account that is not here get nothing", async () => {
  await using world = await startHomeserver();
  const { account } = await world.join("alice");
  const client = await world.connect(world.device(account));
  const other = await world.connect(world.device(account));
  await expect(prove(client, account, random.bytes(32))).rejects.toEqual(code("not-allowed"));
  const stolen = signAs(primitives, "account-recovery", account.seed, other.channel.handshakeHash);
  await expect(client.request("account.prove", { account: account.id, signature: stolen })).rejects.toEqual(
    code("not-allowed"),
  );
  await expect(prove(client, world.account("carol"))).rejects.toEqual(code("unknown-account"));
});
