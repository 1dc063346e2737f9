/** The simulation's stub of rooms is honest about who can open what, and notices keys that are used twice. */
import { afterEach, expect, test, vi } from "vitest";
import { UsedKeys } from "../../../test/simulation/used-keys.ts";
import { RoomWorld, textOf } from "./room-world.ts";
import { stubRooms } from "./stub-rooms.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Olga's room with Emma and Emil. */
function three() {
  const used = new UsedKeys();
  const world = new RoomWorld({ crypto: (random) => stubRooms(random, used) });
  const [olga, emma, emil] = ["olga", "emma", "emil"].map((name) => world.person(name)[0]!);
  world.create(olga!);
  world.admit(olga!, [emma!, emil!]);
  return { world, used, olga: olga!, emma: emma!, emil: emil! };
}

test("two contents from one state that both leave are one key used twice", () => {
  const { world, used, olga } = three();
  const [one, two] = ["one", "two"].map((text) =>
    world.crypto.encrypt(olga.state, new TextEncoder().encode(text)),
  );
  const stub = stubRooms(world.random, used);
  stub.left(one!.message);
  stub.left(one!.message);
  expect(() => stub.left(two!.message)).toThrow("one key sealed two contents");
  expect(() => world.crypto.encrypt(olga.state, new Uint8Array(3))).toThrow("one key sealed two contents");
});

test("of two commits from one state the second is caught by whoever receives it", () => {
  const { world, olga, emma } = three();
  const [first, second] = [world.crypto.commit(olga.state, {}), world.crypto.commit(olga.state, {})];
  if (first.kind !== "committed" || second.kind !== "committed") throw new Error("both can be made");
  world.crypto.receive(emma.state, first.message);
  expect(() => world.crypto.receive(emma.state, second.message)).toThrow("one key sealed two contents");
});

test("[W4] who was removed opens nothing of later epochs, with whatever state", () => {
  const { world, olga, emma, emil } = three();
  const former = emma.state;
  world.commit(olga, [{ kind: "remove", account: emma.id }]);
  const message = olga.send("without you");
  expect(world.crypto.receive(former, message).kind).toBe("future-epoch");
  expect(textOf(emil.receive(message))).toBe("without you");
  expect(world.comeIn(emma)).toMatchObject({ rule: "external.device" });
});

test("[W5] whoever goes on from a commit of their own that the log did not take is alone", () => {
  const { world, olga, emma, emil } = three();
  const winner = olga.commit({});
  const loser = emma.commit({});
  world.take(olga, winner);
  // A mistake of its engine's.
  emma.step(loser.next, true);
  expect(emil.receive(emma.send("hi")).kind).toBe("refused");
  const next = emil.commit({});
  expect(emma.receive(next.message).kind).toBe("refused");
});

test("a state that was erased is of no use", () => {
  const { world, olga } = three();
  const former = olga.state;
  const { state } = world.crypto.encrypt(former, new Uint8Array(3));
  world.crypto.erase(former, state);
  expect(() => world.crypto.encrypt(former, new Uint8Array(3))).toThrow("a state that was erased");
});

test("it refuses to work outside tests", () => {
  vi.stubEnv("VITEST", undefined);
  expect(() => stubRooms({ bytes: (length) => new Uint8Array(length) })).toThrow("tests only");
});
