/** Opening an account, names, password, a second device, and what a crash in between leaves. */
import { encodeOpening, ProtocolError } from "@fedchat/protocol";
import { nodeRandom } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { handlesFor } from "../src/core/handles.ts";
import { friends, World } from "./world.ts";

describe("opening an account", () => {
  test("one field opens it: handle, address, notes to self, and the owner's rights", async () => {
    await using world = new World();
    const home = await world.home("alice.example");
    const alice = home.engine();
    expect(await alice.call("engine.status", {})).toMatchObject({
      me: null,
      homeserver: { serverId: home.id },
    });
    expect(await alice.failure("invitations.create", {})).toBe("no-account");
    const me = await alice.call("account.create", { displayName: " Alice Ångström " });
    expect(me).toMatchObject({
      displayName: "Alice Ångström",
      handle: "alice.angstrom",
      address: "@alice.angstrom",
      hasPassword: false,
    });
    expect(await alice.call("rooms.list", {})).toMatchObject([{ kind: "notes", title: "Notes to self" }]);
    const { homeserver } = await world.until(async () => {
      const status = await alice.call("engine.status", {});
      return status.homeserver.version !== "" && status;
    });
    expect(homeserver).toMatchObject({
      administrator: true,
      connection: "connected",
      version: "fedchat test",
    });
    expect(await alice.failure("account.create", { displayName: "Again" })).toBe("account-exists");
  });

  test("a handle that is taken gets a number, unless the person chose it", async () => {
    await using world = new World();
    const home = await world.home("shared.example");
    await home.person("Alice");
    const second = await home.person("Alice");
    expect((await second.call("engine.status", {})).me).toMatchObject({
      handle: "alice2",
      displayName: "Alice",
    });
    const third = home.engine();
    expect(await third.failure("account.create", { displayName: "Al", handle: "alice" })).toBe(
      "handle-taken",
    );
    expect(await third.call("account.create", { displayName: "Al", handle: "al" })).toMatchObject({
      handle: "al",
    });
    await world.until(
      async () => (await third.call("engine.status", {})).me!.address.startsWith("al@"),
      "the address",
    );
  });

  test("names of control characters and incomplete tokens are refused before anything is sent", async () => {
    await using world = new World();
    const person = (await world.home("alice.example")).engine();
    expect(await person.failure("account.create", { displayName: "a\u202eb" })).toBe("bad-name");
    expect(await person.failure("account.create", { displayName: "   " })).toBe("bad-name");
    expect(await person.failure("account.create", { displayName: "a\u200bb" })).toBe("bad-name");
    expect(await person.failure("account.create", { displayName: "A", registrationToken: "1" })).toBe(
      "bad-token",
    );
    expect(await person.failure("account.create", { displayName: "A", registrationToken: "aaaa" })).toBe(
      "registration-closed",
    );
    expect(await person.call("account.create", { displayName: "A" })).toMatchObject({ handle: "a" });
  });

  test("a registration whose answer is lost is found again by the next attempt, with the name it took", async () => {
    await using world = new World();
    const home = await world.home("alice.example");
    const alice = home.engine();
    home.onCommit = () => alice.deafen();
    const lost = alice.engine.call("account.create", { displayName: "Alice" });
    lost.catch(() => undefined);
    await world.until(() => home.store.load().then((state) => state.accounts.length === 1), "the account");
    home.onCommit = undefined;
    alice.cut();
    await expect(world.during(lost)).rejects.toBeInstanceOf(ProtocolError);
    await alice.restart();
    expect((await alice.call("engine.status", {})).me).toBeNull();
    expect(await alice.call("account.create", { displayName: "Alice" })).toMatchObject({ handle: "alice" });
    expect((await home.store.load()).accounts).toHaveLength(1);
  });

  test("without a homeserver it fails with a cause, and works later", async () => {
    await using world = new World();
    const home = await world.home("alice.example");
    const alice = home.engine();
    home.down = true;
    expect(await alice.failure("account.create", { displayName: "Alice" })).toBe("unreachable");
    home.down = false;
    expect(await alice.call("account.create", { displayName: "Alice" })).toMatchObject({ handle: "alice" });
  });

  test.each(["superseded", "restored-device", "blocked", "wrong-server-key"])(
    "[L6] an engine that somebody on the way tells %s tries on, and is back when they stop",
    async (code) => {
      await using world = new World();
      const alice = await (await world.home("alice.example")).person("Alice");
      alice.home.forged = encodeOpening({ refused: { code, retry: "never" } });
      alice.cut();
      await world.until(async () => (await alice.connection()) === "waiting");
      await world.pass(2_000);
      expect(["waiting", "connecting"]).toContain(await alice.connection());

      alice.home.forged = undefined;
      await world.until(async () => (await alice.connection()) === "connected");
    },
  );

  test("a new display name reaches contacts", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    await alice.call("account.rename", { displayName: "Alicia" });
    await world.until(async () => (await bob.pair()).title === "Alicia", "the new name");
    expect(await bob.call("contacts.list", {})).toMatchObject([{ displayName: "Alicia", address: "@alice" }]);
  });
});

describe("passwords", () => {
  test("a weak one is refused, a suggested one is taken, and a new engine signs in with it", async () => {
    await using world = new World();
    const { alice, bob } = await friends(world);
    expect(await alice.failure("account.setPassword", { password: "alice123" })).toBe("weak-password");
    const { passphrase } = await alice.call("account.suggestPassphrase", {});
    await alice.call("account.setPassword", { password: passphrase });
    expect((await alice.call("engine.status", {})).me).toMatchObject({ hasPassword: true });

    const laptop = alice.home.engine();
    expect(await laptop.failure("account.signIn", { handle: "alice", password: "wrong" })).toBe(
      "wrong-credentials",
    );
    expect(await laptop.failure("account.signIn", { handle: "nobody", password: passphrase })).toBe(
      "wrong-credentials",
    );
    const me = await laptop.call("account.signIn", { handle: "Alice", password: passphrase });
    expect(me).toMatchObject({ account: await alice.account(), handle: "alice", displayName: "Alice" });
    expect(me.deviceId).not.toBe((await alice.call("engine.status", {})).me!.deviceId);

    // Requests are sealed to the account's key, which the new device has from sealed storage.
    const carol = await (await world.home("carol.example")).person("Carol");
    await carol.link(alice);
    await carol.call("requests.send", { who: "@alice", text: "both of you?" });
    expect(await laptop.request("pending")).toMatchObject({ text: "both of you?" });
    expect(await alice.request("pending")).toMatchObject({ text: "both of you?" });
    await bob.send("still there?");
    await alice.sees("still there?");
  });

  test("an account can be opened with a password", async () => {
    await using world = new World();
    const alice = (await world.home("alice.example")).engine();
    expect(await alice.failure("account.create", { displayName: "Alice", password: "password1" })).toBe(
      "weak-password",
    );
    const { passphrase } = await alice.call("account.suggestPassphrase", {});
    const me = await alice.call("account.create", { displayName: "Alice", password: passphrase });
    expect(me.hasPassword).toBe(true);
  });
});

describe("handles", () => {
  test.each([
    ["Ada Lovelace", "ada.lovelace"],
    ["José  María!", "jose.maria"],
    ["Straße", "strasse"],
    ["李雷", "user"],
    ["...", "user"],
    ["x".repeat(64), "x".repeat(32)],
  ])("%s is asked for as %s", (name, handle) => {
    const candidates = handlesFor(name, nodeRandom);
    expect(candidates[0]).toBe(handle);
    expect(new Set(candidates).size).toBeGreaterThan(candidates.length - 3);
    for (const candidate of candidates) expect(candidate).toMatch(/^[a-z0-9][a-z0-9._-]{0,31}$/);
  });
});
