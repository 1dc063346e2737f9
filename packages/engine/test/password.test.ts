/** The password: what the homeserver keeps of it, and how the account key is wrapped, each against the plain standard. */
import { accountId } from "@fedchat/protocol";
import type { AccountId } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { client, server } from "@serenity-kit/opaque";
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { expect, test } from "vitest";
import { serenityOpaque } from "../src/opaque-serenity.ts";
import { generatePassphrase, passwordWeakness } from "../src/core/passphrase.ts";
import { unwrapAccountKey } from "../src/core/password.ts";
import { World } from "./world.ts";

const argon2id = { memory: 65_536, iterations: 3, parallelism: 4 };

/** Alice sets a password; what her homeserver has of it then. */
async function alicesPassword(world: World) {
  world.opaque = serenityOpaque;
  const alice = await (await world.home("alice.example")).person("Alice");
  const { passphrase: password } = await alice.call("account.suggestPassphrase", {});
  await alice.call("account.setPassword", { password });
  const account = await alice.account();
  const { accounts, meta } = await alice.home.store.load();
  const kept = accounts.find((row) => row.account === account)!.password!;
  const serverSetup = new TextDecoder().decode(meta.get("opaque.setup"));
  const [row] = alice.database.all<{ accountSeed: Uint8Array }>("SELECT accountSeed FROM identity");
  return { account, password, serverSetup, ...kept, seed: row!.accountSeed };
}

/** Signs in with the library alone; undefined where the password, the credential or the stretching is another. */
function exportKeyOf(
  { password, serverSetup, opaque }: Awaited<ReturnType<typeof alicesPassword>>,
  credential: string,
  stretching = argon2id,
): Uint8Array | undefined {
  const { clientLoginState, startLoginRequest } = client.startLogin({ password });
  const registrationRecord = Buffer.from(opaque).toString("base64url");
  const asked = { serverSetup, userIdentifier: credential, registrationRecord, startLoginRequest };
  const { loginResponse } = server.startLogin(asked);
  const keyStretching = { "argon2id-custom": stretching };
  const login = client.finishLogin({ clientLoginState, loginResponse, password, keyStretching });
  return login && Buffer.from(login.exportKey, "base64url");
}

test("[P1] OPAQUE's credential is the account's id, its key stretching Argon2id with 64 MiB, 3 passes, 4 lanes", async () => {
  await using world = new World();
  const kept = await alicesPassword(world);
  expect(exportKeyOf(kept, kept.account)).toHaveLength(64);
  expect(exportKeyOf({ ...kept, password: "another" }, kept.account)).toBeUndefined();
  expect(exportKeyOf(kept, "alice")).toBeUndefined();
  for (const other of [{ memory: 32_768 }, { iterations: 2 }, { parallelism: 1 }]) {
    expect(exportKeyOf(kept, kept.account, { ...argon2id, ...other })).toBeUndefined();
  }
});

test("[P2] the account key is wrapped as the specification says, and opens as this account's only", async () => {
  await using world = new World();
  const kept = await alicesPassword(world);
  const { account, wrappedKey, seed } = kept;
  const exportKey = exportKeyOf(kept, account)!;
  const key = createHash("sha256").update("fedchat/v1/account-key-wrap\0").update(exportKey).digest();
  const wrap = (inside: Uint8Array, about: AccountId) => {
    const nonce = nodeRandom.bytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(accountId.toBytes(about));
    return new Uint8Array([...nonce, ...cipher.update(inside), ...cipher.final(), ...cipher.getAuthTag()]);
  };

  expect(wrappedKey).toHaveLength(12 + 32 + 16);
  const opening = createDecipheriv("aes-256-gcm", key, wrappedKey.subarray(0, 12));
  opening.setAAD(accountId.toBytes(account)).setAuthTag(wrappedKey.subarray(-16));
  expect([...opening.update(wrappedKey.subarray(12, -16)), ...opening.final()]).toEqual([...seed]);

  const unwrap = (wrapped: Uint8Array, given = exportKey) =>
    unwrapAccountKey(primitives, { account, wrappedKey: wrapped, exportKey: given });
  expect(unwrap(wrap(seed, account))).toEqual(new Uint8Array(seed));
  const stranger = nodeRandom.bytes(32);
  const strangersAccount = accountId.fromBytes(primitives.ed25519.publicKey(stranger));
  const refused = expect.objectContaining({ code: "wrong-credentials" });
  for (const wrong of [
    wrap(stranger, account),
    wrap(seed, strangersAccount),
    wrap(seed.subarray(1), account),
    wrappedKey.with(20, wrappedKey[20]! ^ 1),
    wrappedKey.subarray(0, 11),
  ]) {
    expect(() => unwrap(wrong)).toThrow(refused);
  }
  expect(() => unwrap(wrappedKey, nodeRandom.bytes(64))).toThrow(refused);
});

test("[P3] easy passwords are refused, and five random words of BIP-39's list are offered", () => {
  for (const easy of ["password1", "alice2024", "qwertyuiop", "aaaaaaaaaaaa", "letmein!"]) {
    expect(passwordWeakness(easy, ["alice"]), easy).toContain("easy to guess");
  }
  const offered = Array.from({ length: 50 }, () => generatePassphrase(nodeRandom));
  expect(new Set(offered).size).toBe(50);
  for (const passphrase of offered) {
    const words = passphrase.split(" ");
    expect(words).toHaveLength(5);
    expect(words.filter((word) => !wordlist.includes(word))).toEqual([]);
    expect(passwordWeakness(passphrase, ["alice"])).toBeUndefined();
  }
});
