/**
 * What people are told when something is wrong, through real processes: each time a stable code, a sentence, one thing
 * to do, and nothing lost or overwritten. Alice, Bob and a stranger whose homeserver has Bob's server's name.
 */
import type { Result } from "@fedchat/engine/interface";
import { fingerprint, serverId } from "@fedchat/protocol";
import type { ServerId } from "@fedchat/protocol";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CallFailed } from "../../packages/cli/src/control/client.ts";
import { makeSelfSigned } from "../../packages/homeserver/src/node/self-signed.ts";
import { befriend, FedchatProcess, freePorts } from "../harness/fedchat-process.ts";
import { startEngine, startFedchat, until } from "../harness/fedchat-process.ts";
import { holdPort, laterFedchat, mailServer, silentServer, webSite } from "../harness/foreign-servers.ts";
import { mayMountDisks, SmallDisk } from "../harness/small-disk.ts";
import { attemptStart } from "../harness/start-attempt.ts";

let alice: FedchatProcess;
let bob: FedchatProcess;
let stranger: FedchatProcess;
let room: string;

beforeAll(async () => {
  [alice, bob, stranger] = await Promise.all([
    startFedchat({ name: "alice" }),
    startFedchat({ name: "bob" }),
    startFedchat({ name: "bob" }),
  ]);
  room = await befriend(alice, bob);
  await stranger.call("account.create", { displayName: "Bob" });
});
afterAll(() => Promise.all([alice, bob, stranger].map((one) => one?.[Symbol.asyncDispose]())));

describe("linking by host, port and server id", () => {
  test("[L14] an id that is another server's is refused, with what to do, and nothing is kept", async () => {
    const before = await alice.call("servers.list", {});

    const cause = await refusal(link(stranger.info.port, someServer()));

    expect(cause).toMatchObject({ code: "wrong-server-key", retry: "never" });
    expect(cause.sentence).toContain("not the one that was expected");
    expect(cause.fix).toContain("Check the server id with its owner");
    expect(await alice.call("servers.list", {})).toHaveLength(before.length);
  });

  test("[L17] an address where nothing listens is said with the address, and tried again", async () => {
    const [port] = await freePorts(1);
    await using linked = await linkTo(port!);
    expect(linked.server).toMatchObject({
      state: "waiting",
      nextTryAt: expect.any(Number),
      cause: { code: "unreachable", retry: "later", fix: expect.stringContaining("Check that the machine") },
    });
    expect(linked.server.cause?.sentence).toContain(`127.0.0.1:${port}: nothing listens there`);
  });

  test("[L2] a web site, a mail server and something silent are told apart from FedChat", async () => {
    await using site = await webSite();
    await using mail = await mailServer();
    await using silent = await silentServer();
    const links = await Promise.all([site, mail, silent].map(({ port }) => linkTo(port)));
    const causes = links.map(({ server }) => server.cause!);
    await Promise.all(links.map((linked) => linked[Symbol.asyncDispose]()));

    expect(causes.map(({ code }) => code)).toEqual(["not-fedchat", "not-fedchat", "unreachable"]);
    expect(causes[0]?.sentence).toContain(`127.0.0.1:${site.port} answers, but not as FedChat (HTTP status`);
    expect(causes[1]?.sentence).toContain(`127.0.0.1:${mail.port} answers, but not as FedChat.`);
    expect(causes[2]?.sentence).toContain(`127.0.0.1:${silent.port}: no answer in time.`);
    expect(causes[0]?.fix).toContain("Check host and port");
  });

  test("[L1] another version of FedChat is said to be one", async () => {
    await using later = await laterFedchat();
    await using linked = await linkTo(later.port);
    expect(linked.server).toMatchObject({
      // Nobody proved it: it is tried again.
      state: "waiting",
      cause: {
        code: "unsupported-version",
        sentence: "The other side speaks another version of FedChat.",
        fix: "Update the older side.",
      },
    });
  });

  test("[L15] a name that another key has is refused with both fingerprints; a local name helps", async () => {
    const cause = await refusal(link(stranger.info.port, stranger.info.serverId));

    expect(cause).toMatchObject({ code: "name-taken", fix: "Give one of the two a local name." });
    expect(cause.sentence).toContain(fingerprint(bob.info.serverId as ServerId));
    expect(cause.sentence).toContain(fingerprint(stranger.info.serverId as ServerId));
    expect(await alice.call("servers.list", {})).toHaveLength(1);

    const named = await link(stranger.info.port, stranger.info.serverId, "the other Bob");
    expect(named).toMatchObject({ name: "bob", shownName: "the other Bob", state: "connected" });
    expect((await serverAt(alice, bob)).shownName).toBe("bob");
  });

  test("[R4] [L14] a linked server whose address answers with another key is a loud matter; nothing is overwritten", async () => {
    const before = await link(stranger.info.port, stranger.info.serverId, "the other Bob");
    await stranger.kill();
    const original = `${stranger.data}.original`;
    renameSync(stranger.data, original);
    await mkdir(stranger.data, { mode: 0o700 });
    await stranger.start();
    expect(stranger.info.serverId).not.toBe(before.serverId);

    const notice = await until("the warning is told", async () => {
      await alice.call("servers.retry", { serverId: before.serverId });
      return (await alice.call("engine.notices", {})).find(({ level }) => level === "danger");
    });
    expect(notice.cause).toMatchObject({
      code: "server-key-changed",
      fix: expect.stringContaining("Ask the server's owner"),
    });
    expect(notice.cause.sentence).toContain(fingerprint(before.serverId as ServerId));
    const { serverId, name, localName, trust, addresses, linkedAt } = before;
    const now = await until("the link is shown as refused", async () => {
      const shown = await serverBy(alice, before.serverId);
      return shown.state === "refused" && shown;
    });
    expect(now).toMatchObject({ serverId, name, localName, trust, addresses, linkedAt });
    expect(now.cause).toEqual({ ...notice.cause, sentence: expect.any(String) });
    expect(await alice.call("servers.list", {})).toHaveLength(2);

    await stranger.kill();
    await rm(stranger.data, { recursive: true });
    renameSync(original, stranger.data);
    await stranger.start();
    await alice.call("servers.retry", { serverId: before.serverId });
    await until("the real one is back", async () => (await serverAt(alice, stranger)).state === "connected");
  });
});

describe("a port in use", () => {
  test("gives way to the next free one where it is the default, and this is said", async () => {
    await using _server = await holdPort(8443);
    await using _screen = await holdPort(8080);
    const data = await mkdtemp(join(tmpdir(), "fedchat-ports-"));
    const { code, output, errors } = await attemptStart(data);
    await rm(data, { recursive: true });

    expect(code).toBe(0);
    const [, port] = /the default port is in use by another program.*\(port (\d+)\)/.exec(errors) ?? [];
    expect(Number(port)).toBeGreaterThan(8443);
    expect(output).toContain(`127.0.0.1:${port}`);
    const [, screen] = /the screen's default port is in use.*\(port (\d+)\)/.exec(errors) ?? [];
    expect(Number(screen)).toBeGreaterThan(8080);
    expect(output).toContain(`http://127.0.0.1:${screen}`);
  });

  test("is an error where it was chosen, for the homeserver and for the screen", async () => {
    const data = await mkdtemp(join(tmpdir(), "fedchat-ports-"));
    const [free] = await freePorts(1);
    const taken = String(bob.info.port);
    const server = await attemptStart(data, "--port", taken);
    const screen = await attemptStart(data, "--port", String(free), "--screen-port", taken);
    await rm(data, { recursive: true });

    expect(server).toMatchObject({ code: 1, output: "" });
    expect(server.errors).toMatch(new RegExp(`Port ${taken} is in use by another (FedChat|program)`));
    expect(server.errors).toContain("Fix: Stop that program, or choose another port.");
    expect(screen).toMatchObject({ code: 1, output: "" });
    expect(screen.errors).toContain(`Port ${taken} is taken by another program.`);
    expect(screen.errors).toContain("Fix: End that program, or choose another screen.port.");
  });
});

describe("the TLS certificate", () => {
  test.each([
    ["deleted", removeCertificate],
    ["expired", expireCertificate],
  ])("%s is made anew at the next start: who the server is stays, and so do its links", async (_, spoil) => {
    const { serverId } = bob.info;
    const before = await shownCertificate(bob.info.port);
    await bob.stop();
    spoil(bob.data);

    await bob.start();

    expect(bob.info.serverId).toBe(serverId);
    const after = await shownCertificate(bob.info.port);
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(after.validUntil).toBeGreaterThan(Date.now());
    await alice.call("servers.retry", { serverId });
    await until("the link is back", async () => (await serverAt(alice, bob)).state === "connected");
  });
});

describe("a damaged store", () => {
  test.each(["homeserver.sqlite", "engine.db"])(
    "(%s) is not started on: a clear sentence, and every byte stays",
    async (file) => {
      await say(alice, bob, `before ${file}`);
      await bob.kill();
      const path = join(bob.data, file);
      const whole = new Map(
        [path, `${path}-wal`].filter(existsSync).map((name) => [name, readFileSync(name)]),
      );
      expect(whole.get(path)!.length).toBeGreaterThan(8_192);
      const damaged = new Map(whole).set(path, Buffer.from(whole.get(path)!).fill(0xff, 4_096));
      for (const [name, bytes] of damaged) writeFileSync(name, bytes);

      const { code, output, errors } = await attemptStart(bob.data, "--port", String(bob.info.port));

      expect({ code, output }).toEqual({ code: 1, output: "" });
      expect(errors).toMatch(new RegExp(`${path}.* is damaged\\. Nothing was changed\\..* backup`));
      expect(errors).not.toMatch(/\bat .*\.ts:\d+/);
      for (const [name, bytes] of damaged) expect(readFileSync(name).equals(bytes), name).toBe(true);

      for (const [name, bytes] of whole) writeFileSync(name, bytes);
      await bob.start();
      await say(alice, bob, `after ${file}`);
    },
  );
});

describe("signing in on a second engine", () => {
  test("[A10] [A11] a wrong password and an unknown name are answered alike, and soon no more; the right one signs in", async () => {
    const { passphrase } = await bob.call("account.suggestPassphrase", {});
    await bob.call("account.setPassword", { password: passphrase });
    await using laptop = await startEngine("laptop", bob);
    const signIn = (handle: string, password: string) => laptop.call("account.signIn", { handle, password });

    const wrong = await refusal(signIn("bob", "not the passphrase"));
    expect(wrong).toEqual({
      code: "wrong-credentials",
      sentence: "Name or password is wrong.",
      fix: "Check name and password.",
      retry: "never",
    });
    expect(await refusal(signIn("nobody", "not the passphrase"))).toEqual(wrong);
    expect(await signIn("bob", passphrase)).toMatchObject({ handle: "bob", displayName: "Bob" });

    await using thief = await startEngine("thief", bob);
    const guesses = async (handle: string) => {
      for (let count = 0; count < 20; count++) {
        const cause = await refusal(thief.call("account.signIn", { handle, password: `guess ${count}` }));
        if (cause.code !== wrong.code) return { count, cause };
      }
      throw new Error("guessing has no end");
    };
    const known = await guesses("bob");
    const unknown = await guesses("nobody");
    expect(known.cause).toMatchObject({
      code: "rate-limited",
      fix: expect.stringMatching(/^Try again in (a second|\d+ (seconds|minutes))\.$/),
      retry: "later",
    });
    expect(unknown.cause.code).toBe("rate-limited");
    // Ten at once for each name; two, and one, were used above. A slow machine earns one more meanwhile.
    expect(known.count).toBeGreaterThanOrEqual(8);
    expect(unknown.count).toBeGreaterThanOrEqual(9);
  });
});

describe("a full disk", () => {
  test("[H14] refuses new work with its reason, keeps and shows what it has, and goes on once there is room", async () => {
    if (!mayMountDisks)
      return console.log("skipped: only root may mount the small disk that this test fills");
    using disk = new SmallDisk(16);
    await using carol = await startOn(disk.folder, "carol");
    await carol.call("account.create", { displayName: "Carol" });
    const shared = await meet(carol, alice);
    await carol.call("messages.send", { roomId: shared, text: "before" });
    await until("it arrives", async () => (await texts(alice, shared)).includes("before"));

    disk.fill();
    const taken = await sendUntilRefused(carol, shared);
    expect(taken.cause).toEqual({
      code: "disk-full",
      sentence: "The disk of this machine is full. Nothing was lost.",
      fix: "Free some space.",
      retry: "later",
    });
    // An emptied log gives some room back. The same disk, said by the homeserver or by the engine, whichever meets it first.
    disk.fill();
    // A session that the full disk ended opens again in a moment.
    const unlinked = await until("the refusal", async () => {
      const linking = carol.call("servers.link", { host: "127.0.0.1", port: 9, serverId: someServer() });
      const why = await refusal(linking);
      return why.code === "unreachable" ? undefined : why;
    });
    expect(["storage-full", "disk-full"]).toContain(unlinked.code);
    expect(unlinked).toMatchObject({ fix: expect.stringMatching(/^Free (some )?space/), retry: "later" });
    expect(await texts(carol, shared)).toEqual(["before", ...taken.texts]);
    await alice.call("messages.send", { roomId: shared, text: "to a full disk" });

    await carol.kill();
    disk.fill();
    await carol.start();
    expect(await texts(carol, shared)).toEqual(["before", ...taken.texts]);

    disk.empty();
    await until("there is room again", async () => {
      await carol.call("messages.send", { roomId: shared, text: "after", clientId: "after" });
      return true;
    });
    const all = ["before", ...taken.texts, "after"];
    await until("Alice has all of it", async () => (await sent(alice, shared)).join() === all.join(), 60_000);
    await until(
      "Carol has hers",
      async () => (await texts(carol, shared)).includes("to a full disk"),
      60_000,
    );
    expect(await sent(carol, shared, true)).toEqual(all);
  });
});

/** The cause with which a call fails. */
async function refusal(call: Promise<unknown>): Promise<NonNullable<CallFailed["callCause"]>> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof CallFailed) || error.callCause === undefined) {
    throw new Error("was not refused with a cause", { cause: error });
  }
  return error.callCause;
}

const someServer = (): string => serverId.fromBytes(randomBytes(32));

function link(port: number, id: string, localName?: string): Promise<Result<"servers.link">> {
  const named = localName === undefined ? {} : { localName };
  return alice.call("servers.link", { host: "127.0.0.1", port, serverId: id, ...named });
}

/** Links whatever listens there, for as long as the test needs it. */
async function linkTo(port: number) {
  const id = someServer();
  const server = await link(port, id);
  return {
    server,
    async [Symbol.asyncDispose]() {
      await alice.call("servers.unlink", { serverId: id });
    },
  };
}

const serverAt = (viewer: FedchatProcess, viewed: FedchatProcess) => serverBy(viewer, viewed.info.serverId);

async function serverBy(viewer: FedchatProcess, id: string) {
  const found = (await viewer.call("servers.list", {})).find((server) => server.serverId === id);
  if (found === undefined) throw new Error(`${id} is not listed`);
  return found;
}

function removeCertificate(data: string): void {
  for (const name of ["tls-cert.pem", "tls-key.pem"]) rmSync(join(data, name));
}

function expireCertificate(data: string): void {
  const dayMs = 86_400_000;
  const { cert, key } = makeSelfSigned(Date.now() - 9 * dayMs, Date.now() - dayMs);
  writeFileSync(join(data, "tls-cert.pem"), cert);
  writeFileSync(join(data, "tls-key.pem"), key);
}

/** What a browser would be shown. */
function shownCertificate(port: number): Promise<{ fingerprint: string; validUntil: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      const { fingerprint256, valid_to } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ fingerprint: fingerprint256, validUntil: Date.parse(valid_to) });
    });
    socket.once("error", reject);
  });
}

/** One message, seen at the other end. */
async function say(from: FedchatProcess, to: FedchatProcess, text: string): Promise<void> {
  await from.call("messages.send", { roomId: room, text });
  await until(`'${text}' arrives`, async () => (await texts(to, room)).includes(text));
}

async function history(of: FedchatProcess, roomId: string) {
  const { messages } = await of.call("messages.list", { roomId, limit: 500 });
  return messages.filter(({ kind }) => kind === "text");
}

const texts = async (of: FedchatProcess, roomId: string) =>
  (await history(of, roomId)).map(({ text }) => text);

/** The other person's messages, or one's own. */
const sent = async (of: FedchatProcess, roomId: string, mine = false) =>
  (await history(of, roomId)).filter((message) => message.mine === mine).map(({ text }) => text);

/** `fedchat start` on a data folder that is there already. */
async function startOn(data: string, name: string): Promise<FedchatProcess> {
  const [port, screenPort] = await freePorts(2);
  const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
  const started = new FedchatProcess(data, [
    ...[main, "start", "--json", "--no-open", "--data", data, "--name", name, "--host", "127.0.0.1"],
    ...["--port", String(port), "--screen-port", String(screenPort)],
  ]);
  await started.start();
  return started;
}

/** `who` uses an invitation of `host`'s; returns the room. */
async function meet(who: FedchatProcess, host: FedchatProcess): Promise<string> {
  const { link: invitation } = await host.call("invitations.create", {});
  const { requestId } = await who.call("invitations.accept", { link: invitation! });
  return until("the room opens", async () => {
    const request = (await who.call("requests.list", {})).find((one) => one.requestId === requestId);
    return request?.roomId ?? undefined;
  });
}

/** A log that has room left takes some more messages. */
async function sendUntilRefused(from: FedchatProcess, roomId: string) {
  const taken: string[] = [];
  for (let count = 0; count < 1_000; count++) {
    const text = `full ${count}`;
    const cause = await from
      .call("messages.send", { roomId, text })
      .then(() => undefined)
      .catch((error: unknown) => refusal(Promise.reject(error)));
    if (cause !== undefined) return { texts: taken, cause };
    taken.push(text);
  }
  throw new Error("the disk is not full");
}
