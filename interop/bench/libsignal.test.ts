/** The adapter that the benchmark measures does what it says: two people talk, and only what was sent opens. */
import { expect, test } from "vitest";
import { talkLibrary } from "./libsignal.ts";

const payload = new Uint8Array(400).fill(0x61);

test("both ends of a libsignal session talk, in order and out of it", async () => {
  const [alice, bob] = await talkLibrary().pair();
  const [first, second, third] = (await alice.encrypt(payload, 3)) as [Uint8Array, Uint8Array, Uint8Array];
  await bob.decrypt([second, first, third], payload);
  await alice.decrypt(await bob.encrypt(payload, 2), payload);
  await expect(bob.decrypt([first], payload)).rejects.toThrow();
});

test("what was changed on the way does not open", async () => {
  const [alice, bob] = await talkLibrary().pair();
  const [message] = await alice.encrypt(payload, 1);
  const changed = Uint8Array.from(message!);
  changed[changed.length - 1]! ^= 1;
  await expect(bob.decrypt([changed], payload)).rejects.toThrow();
  await bob.decrypt([message!], payload);
});

test("what is stored is counted where it is asked for", async () => {
  const [alice] = await talkLibrary().pair();
  await alice.encrypt(payload, 1);
  expect(alice.written).toBe(0);
  alice.stores = true;
  await alice.encrypt(payload, 1);
  expect(alice.written).toBeGreaterThan(100);
});
