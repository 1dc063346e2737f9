import type { ProtocolError } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { registrationLimit } from "../src/core/limits.ts";
import type { Joined, World } from "./start-homeserver.ts";
import { localToken, nobody, primitives, random, startHomeserver } from "./start-homeserver.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });
const week = { label: "book club", lifetimeMs: 7 * 86_400_000, uses: 1 };

const make = (owner: Joined, wish: Partial<typeof week> = {}) =>
  owner.client.request("accountInvitations.make", { ...week, ...wish });

/** What becomes of opening an account with this token. */
async function opening(world: World, handle: string, token: Uint8Array): Promise<string> {
  const account = world.account(handle);
  const client = await world.connect(account.devices[0]!);
  return client.register(account.signed, token).then(
    ({ administrator }) => (administrator ? "administrator" : "opened"),
    (error: ProtocolError) => error.code,
  );
}

const usesLeft = async (owner: Joined) => {
  const { invitations } = await owner.client.request("accountInvitations.list", {});
  return invitations.map((one) => one.usesLeft);
};

test("[J1] administrators make, list and revoke account invitations; nobody else does", async () => {
  await using world = await startHomeserver();
  const owner = await world.join("owner");
  const bob = await world.join("bob");
  const { token, invitation } = await make(owner, { uses: 3 });
  expect(token).toHaveLength(16);
  const now = world.clock.now();
  expect(invitation).toMatchObject({ label: "book club", usesMax: 3, usesLeft: 3, createdAt: now });
  expect(invitation.expiresAt).toBe(now + week.lifetimeMs);
  expect(await owner.client.request("accountInvitations.list", {})).toEqual({ invitations: [invitation] });

  await expect(make(bob)).rejects.toEqual(code("not-allowed"));
  await expect(bob.client.request("accountInvitations.list", {})).rejects.toEqual(code("not-allowed"));
  const { id } = invitation;
  await expect(bob.client.request("accountInvitations.revoke", { id })).rejects.toEqual(code("not-allowed"));

  await owner.client.request("accountInvitations.revoke", { id });
  await expect(owner.client.request("accountInvitations.revoke", { id })).rejects.toEqual(code("not-found"));
  expect(await usesLeft(owner)).toEqual([]);
  expect(await opening(world, "carol", token)).toBe("registration-closed");
});

test("[J1] one that serves nobody or no time is refused, and so is one too many", async () => {
  await using world = await startHomeserver();
  const owner = await world.join("owner");
  await expect(make(owner, { uses: 0 })).rejects.toEqual(code("malformed"));
  await expect(make(owner, { lifetimeMs: 0 })).rejects.toEqual(code("malformed"));
  await Promise.all(Array.from({ length: limits.accountInvitationsMax }, () => make(owner)));
  await expect(make(owner)).rejects.toEqual(code("quota-exceeded"));
  await world.clock.advance(week.lifetimeMs);
  await make(owner);
});

test("[J2] an invitation opens accounts as often as it says, until it expires; none of them an administrator's", async () => {
  await using world = await startHomeserver();
  const owner = await world.join("owner");
  const { token } = await make(owner, { uses: 2 });
  expect(await opening(world, "bob", token)).toBe("opened");
  expect(await usesLeft(owner)).toEqual([1]);
  expect(await opening(world, "carol", token)).toBe("opened");
  expect(await opening(world, "dave", token)).toBe("registration-closed");
  const late = await make(owner);
  await world.clock.advance(week.lifetimeMs);
  expect(await opening(world, "dave", late.token)).toBe("registration-closed");
});

test("[J2] of several who use the last one at once, one gets in", async () => {
  await using world = await startHomeserver();
  const { token } = await make(await world.join("owner"));
  const outcomes = await Promise.all(["bob", "carol", "dave"].map((name) => opening(world, name, token)));
  expect(outcomes.toSorted()).toEqual(["opened", "registration-closed", "registration-closed"]);
});

test("[J2] a use is gone with the account that it opened, and only then; a lost answer costs no second one", async () => {
  await using world = await startHomeserver();
  const owner = await world.join("owner");
  const { token } = await make(owner, { uses: 2 });
  expect(await opening(world, "owner", token)).toBe("handle-taken");
  expect(await usesLeft(owner)).toEqual([2]);
  const bob = world.account("bob");
  await (await world.connect(bob.devices[0]!)).register(bob.signed, token);
  await (await world.connect(bob.devices[0]!)).register(bob.signed, token);
  expect(await usesLeft(owner)).toEqual([1]);

  // As after a power failure: what is on disk is what was said.
  await using again = await world.restart();
  expect(await opening(again, "carol", token)).toBe("opened");
  expect(await opening(again, "dave", token)).toBe("registration-closed");
});

test("[J2] the homeserver keeps no token, only its hash", async () => {
  await using world = await startHomeserver();
  const { token } = await make(await world.join("owner"));
  const { meta } = await world.store.load();
  const kept = Buffer.concat([...meta.values()]);
  expect(kept.includes(Buffer.from(primitives.sha256(token)))).toBe(true);
  expect(kept.includes(Buffer.from(token))).toBe(false);
});

test("[J2] a closed homeserver makes none, and those of before let nobody in while it is closed", async () => {
  await using world = await startHomeserver();
  const { token } = await make(await world.join("owner"));
  await using closed = await world.restart({ config: { registration: "closed" } });
  expect(await opening(closed, "bob", token)).toBe("registration-closed");
  await expect(closed.homeserver.accountInvitations.make(week)).rejects.toEqual(code("registration-closed"));
  await using invited = await closed.restart({ config: { registration: "invited" } });
  expect(await opening(invited, "bob", token)).toBe("opened");
});

test("[J3] before an account is opened, its engine asks who may open one and whether its token would; guessing is limited", async () => {
  await using world = await startHomeserver();
  const owner = await world.join("owner");
  const { token } = await make(owner);
  const stranger = await world.connect(world.account("bob").devices[0]!);
  const terms = (token: Uint8Array) => stranger.request("registration.terms", { token });
  expect(await terms(token)).toEqual({ policy: "invited", admits: true });
  expect(await terms(nobody)).toEqual({ policy: "invited", admits: false });
  expect(await terms(localToken)).toEqual({ policy: "invited", admits: true });
  expect(await usesLeft(owner)).toEqual([1]);

  for (let i = 0; i < registrationLimit.burst; i++)
    expect((await terms(random.bytes(16))).admits).toBe(false);
  await expect(terms(random.bytes(16))).rejects.toEqual(code("rate-limited"));
  expect(await terms(token)).toEqual({ policy: "invited", admits: true });

  await using open = await startHomeserver({ config: { registration: "open" } });
  const anybody = await open.connect(open.account("bob").devices[0]!);
  const asked = await anybody.request("registration.terms", { token: nobody });
  expect(asked).toEqual({ policy: "open", admits: true });
});
