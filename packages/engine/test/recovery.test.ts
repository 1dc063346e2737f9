/** The recovery kit: its words, and an account that comes back by them when every device is lost. */
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { causeOf } from "../src/core/causes.ts";
import { keysOfKit, kitFromWords, wordsOfKit } from "../src/core/recovery-words.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { makeArchive } from "../vectors/make.ts";
import { friends, World } from "./world.ts";
import type { Person } from "./world.ts";

const file = readFileSync(new URL("../vectors/archive.json", import.meta.url), "utf8");
const vectors = JSON.parse(file) as { kits: { kit: string; words: string; accountSeed: string }[] };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function refusal(words: string): string {
  try {
    return hex(kitFromWords(words));
  } catch (error) {
    return `${causeOf(error).code}: ${causeOf(error).sentence}`;
  }
}

describe("words", () => {
  test("[F12] are those of the vectors, which making them again gives", () => {
    expect(JSON.parse(makeArchive())).toEqual(JSON.parse(file));
    for (const { kit, words, accountSeed } of vectors.kits) {
      expect(hex(kitFromWords(words))).toBe(kit);
      expect(hex(keysOfKit(nodePrimitives, kitFromWords(words)).accountSeed)).toBe(accountSeed);
    }
  });

  test("[F12] are read as people type, copy and scan them", () => {
    const [{ kit, words } = vectors.kits[0]!] = vectors.kits;
    const each = words.split(" ");
    const typed = [
      words.toUpperCase(),
      each.map((word, index) => `${index + 1}. ${word}`).join("\n"),
      each.map((word) => word.slice(0, 4)).join(" "),
      `fedchat:recovery?server=abc&at=host:8443&handle=alice#${each.join("-")}`,
    ];
    for (const one of typed) expect(hex(kitFromWords(one))).toBe(kit);
  });

  test("[F12] that are wrong, too few or in another order are refused, with the word that is wrong", () => {
    const each = vectors.kits[0]!.words.split(" ");
    expect(refusal(each.with(4, "fedchat").join(" "))).toContain("bad-words: Word 5, 'fedchat'");
    expect(refusal(each.slice(1).join(" "))).toContain("these are 11");
    expect(refusal("")).toContain("these are 0");
    const orders = each.map((_, index) => [...each.slice(index + 1), ...each.slice(0, index + 1)].join(" "));
    expect(
      orders.slice(0, -1).filter((words) => refusal(words).startsWith("bad-words")).length,
    ).toBeGreaterThan(8);
    expect(wordsOfKit(new Uint8Array(32))).toHaveLength(24);
  });
});

/** Alice and Bob have talked; Alice has her kit and her archive is written. */
async function prepared(world: World) {
  const { alice, bob } = await friends(world);
  await alice.send("one");
  await bob.sees("one");
  await bob.send("two");
  await alice.sees("one", "two");
  const kit = await alice.call("recovery.kit", {});
  await world.until(async () => (await alice.call("archive.state", {})).waiting === 0, "the archive");
  return { alice, bob, kit };
}

async function isBack(person: Person): Promise<void> {
  await person.home.world.until(async () => (await person.call("archive.state", {})).read, "the history");
}

describe("an account all of whose devices are lost", () => {
  test("[F13] comes back by its words: name, contacts, chats and history", async () => {
    await using world = new World();
    const { alice, bob, kit } = await prepared(world);
    const before = (await alice.call("engine.status", {})).me!;
    await alice.close();
    const fresh = alice.home.engine();
    const me = await fresh.call("account.recover", { words: kit.words.join(" ") });
    expect(me).toMatchObject({ account: before.account, displayName: "Alice", handle: "alice" });
    expect(me.deviceId).not.toBe(before.deviceId);
    expect((await fresh.call("engine.status", {})).recoveryKit).toBe("kept");
    await isBack(fresh);
    expect(await fresh.texts()).toEqual(["one", "two"]);
    expect(await fresh.call("contacts.list", {})).toMatchObject([{ account: await bob.account() }]);
    // Whoever has the lost device has an account no more.
    alice.open();
    await world.until(async () => (await alice.connection()) !== "connected");
    await world.pass(2_000);
    expect(await alice.connection()).not.toBe("connected");
  });

  test("[F13] its next archive takes the place of the lost devices' ones", async () => {
    await using world = new World();
    const { alice, kit } = await prepared(world);
    const account = await alice.account();
    const { deviceId: lost } = (await alice.call("engine.status", {})).me!;
    await alice.close();
    const fresh = alice.home.engine();
    await fresh.call("account.recover", { words: kit.scan });
    await isBack(fresh);
    await world.until(
      async () => !(await alice.home.store.archiveList(account)).some(({ device }) => device === lost),
      "the lost device's archive to go",
    );
    const again = alice.home.engine();
    await again.call("account.recover", { words: kit.words.join(" ") });
    await isBack(again);
    expect(await again.texts()).toEqual(["one", "two"]);
  });

  test("[F11] words of somebody who is not here get nothing, and say where to go", async () => {
    await using world = new World();
    const { alice } = await prepared(world);
    const stranger = alice.home.engine();
    const { words } = vectors.kits[0]!;
    expect(await stranger.failure("account.recover", { words })).toBe("kit-of-elsewhere");
    expect(await stranger.failure("account.recover", { words: "no words at all" })).toBe("bad-words");
    expect(await alice.failure("account.recover", { words })).toBe("account-exists");
  });
});

describe("a kit that is on paper", () => {
  test("[F12] is forgotten here; the account key can still be written down by itself", async () => {
    await using world = new World();
    const { alice, kit } = await prepared(world);
    expect(kit).toMatchObject({ complete: true, keptAt: null });
    expect(kit.words).toHaveLength(12);
    expect((await alice.call("engine.status", {})).recoveryKit).toBe("unseen");
    await alice.call("recovery.settle", { kit: "later" });
    expect((await alice.call("engine.status", {})).recoveryKit).toBe("later");
    expect((await alice.call("recovery.kit", {})).words).toEqual(kit.words);
    await alice.call("recovery.settle", { kit: "kept" });
    expect((await alice.call("engine.status", {})).recoveryKit).toBe("kept");
    const store = openEngineStore(alice.database);
    expect(store.identity.read()?.recoverySeed).toBeNull();
    const copy = await alice.call("recovery.kit", {});
    expect(copy).toMatchObject({ complete: false });
    expect(copy.words).toHaveLength(24);
    expect(copy.keptAt).not.toBeNull();
    await alice.close();
    const fresh = alice.home.engine();
    expect((await fresh.call("account.recover", { words: copy.words.join(" ") })).account).toBe(kit.account);
  });
});
