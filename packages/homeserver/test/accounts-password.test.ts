import { ready, client as opaque } from "@serenity-kit/opaque";
import { expect, test } from "vitest";
import type { Joined, World } from "./start-homeserver.ts";
import { random, startHomeserver } from "./start-homeserver.ts";
import type { TestClient } from "./client.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "base64url"));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
/** The homeserver sees nothing of it; engines take 64 MiB and more. */
const keyStretching = { "argon2id-custom": { iterations: 1, memory: 64, parallelism: 1 } };
const wrappedKey = new Uint8Array(60).fill(7);

async function setPassword(client: TestClient, password: string): Promise<void> {
  await ready;
  const { clientRegistrationState, registrationRequest } = opaque.startRegistration({ password });
  const { response } = await client.request("password.registerStart", {
    request: bytesOf(registrationRequest),
  });
  const { registrationRecord } = opaque.finishRegistration({
    password,
    clientRegistrationState,
    registrationResponse: textOf(response),
    keyStretching,
  });
  await client.request("password.registerFinish", { upload: bytesOf(registrationRecord), wrappedKey });
}

/** Signs in on a channel without a session; undefined where the client itself sees that the password is wrong. */
async function signIn(client: TestClient, handle: string, password: string) {
  await ready;
  const { clientLoginState, startLoginRequest } = opaque.startLogin({ password });
  const { attempt, response } = await client.request("password.loginStart", {
    handle,
    request: bytesOf(startLoginRequest),
  });
  const login = opaque.finishLogin({
    clientLoginState,
    loginResponse: textOf(response),
    password,
    keyStretching,
  });
  const finish = login === undefined ? random.bytes(64) : bytesOf(login.finishLoginRequest);
  return {
    responseBytes: response.length,
    finished: client.request("password.loginFinish", { attempt, finish }),
  };
}

async function worldWithPassword(): Promise<{ world: World; alice: Joined }> {
  const world = await startHomeserver();
  const alice = await world.join("alice");
  await setPassword(alice.client, "five words are quite enough");
  return { world, alice };
}

test("[A9] [A10] the password gives the wrapped account key and lets a new device in, after a restart too", async () => {
  const { world, alice } = await worldWithPassword();
  await using _ = world;
  await using again = await world.restart();
  const device = again.device(alice.account);
  const client = await again.connect(device);
  const { finished } = await signIn(client, "alice", "five words are quite enough");
  expect(await finished).toEqual({ wrappedKey, record: alice.account.signed });

  const devices = [...alice.account.record.devices, device.certificate];
  const record = again.change(alice.account, { devices });
  const adding = { device: device.id, signature: client.signature };
  await expect(client.request("device.add", { ...adding, record: alice.account.signed })).rejects.toEqual(
    code("not-allowed"),
  );
  const opened = await client.request("device.add", { ...adding, record: record.signed });
  expect(opened).toMatchObject({ handle: "alice", hasPassword: true, fencing: 1 });
  expect((await client.subscribe(opened)).outcome).toBe("ok");
});

test("[A10] wrong password, unknown handle and account without a password are answered alike", async () => {
  const { world } = await worldWithPassword();
  await using _ = world;
  await world.join("bob");
  const device = world.device(world.account("carol"));
  const answers = [];
  for (const handle of ["alice", "bob", "nobody"]) {
    const client = await world.connect(device);
    const { responseBytes, finished } = await signIn(client, handle, "a wrong guess of a password");
    answers.push({
      responseBytes,
      refusal: await finished.catch((error: Error) => ({ ...error, message: error.message })),
    });
  }
  expect(answers[0]).toMatchObject({ refusal: { code: "wrong-credentials", retry: "never" } });
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
});

test("[A9] a device is added only after the password was proved on this very channel", async () => {
  const { world, alice } = await worldWithPassword();
  await using _ = world;
  const device = world.device(alice.account);
  const devices = [...alice.account.record.devices, device.certificate];
  const { signed: record } = world.change(alice.account, { devices });
  const client = await world.connect(device);
  const add = (on: TestClient) =>
    on.request("device.add", { record, device: device.id, signature: on.signature });
  await expect(add(client)).rejects.toEqual(code("not-allowed"));
  const { finished } = await signIn(client, "alice", "five words are quite enough");
  await finished;
  await expect(add(await world.connect(device))).rejects.toEqual(code("not-allowed"));
  expect((await add(client)).handle).toBe("alice");
});

test("[A10] an attempt ends with its first answer", async () => {
  const { world } = await worldWithPassword();
  await using _ = world;
  await ready;
  const client = await world.connect(world.device(world.account("carol")));
  const { clientLoginState, startLoginRequest } = opaque.startLogin({
    password: "five words are quite enough",
  });
  const request = bytesOf(startLoginRequest);
  const { attempt, response } = await client.request("password.loginStart", { handle: "alice", request });
  const { finishLoginRequest } = opaque.finishLogin({
    clientLoginState,
    loginResponse: textOf(response),
    password: "five words are quite enough",
    keyStretching,
  })!;
  const wrong = client.request("password.loginFinish", { attempt, finish: random.bytes(64) });
  await expect(wrong).rejects.toEqual(code("wrong-credentials"));
  const right = client.request("password.loginFinish", { attempt, finish: bytesOf(finishLoginRequest) });
  await expect(right).rejects.toEqual(code("wrong-credentials"));
});

test("[A11] attempts are limited by handle, known or not, and by source", async () => {
  await using world = await startHomeserver();
  await world.join("alice");
  await ready;
  const request = bytesOf(opaque.startLogin({ password: "guess" }).startLoginRequest);
  const device = world.device(world.account("carol"));
  const guess = async (handle: string, remote: string) =>
    (await world.connect(device, remote)).request("password.loginStart", { handle, request }).then(
      () => "answered",
      (error: { code: string }) => error.code,
    );
  for (const handle of ["alice", "nobody"]) {
    for (let i = 0; i < 10; i++) expect(await guess(handle, `source ${handle} ${i}`)).toBe("answered");
    expect(await guess(handle, `source ${handle}`)).toBe("rate-limited");
  }
  await world.clock.advance(30_000);
  expect(await guess("alice", "another")).toBe("answered");
  expect(await guess("alice", "another")).toBe("rate-limited");
  const outcomes = [];
  for (let i = 0; i < 31; i++) outcomes.push(await guess(`handle${i}`, "one source"));
  expect(outcomes.at(-2)).toBe("answered");
  expect(outcomes.at(-1)).toBe("rate-limited");
});

test("[A10] what is no OPAQUE message is malformed, and no such record is kept", async () => {
  await using world = await startHomeserver();
  const { client } = await world.join("alice");
  for (const upload of [new Uint8Array(1), new Uint8Array(192), new Uint8Array(192).fill(255)]) {
    await expect(client.request("password.registerFinish", { upload, wrappedKey })).rejects.toEqual(
      code("malformed"),
    );
  }
  await expect(client.request("password.registerStart", { request: new Uint8Array(3) })).rejects.toEqual(
    code("malformed"),
  );
  const stranger = await world.connect(world.device(world.account("carol")));
  await expect(
    stranger.request("password.loginStart", { handle: "alice", request: new Uint8Array(32).fill(255) }),
  ).rejects.toEqual(code("malformed"));
});
