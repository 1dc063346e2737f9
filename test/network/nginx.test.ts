/**
 * A homeserver behind a real nginx: TLS ends there, under a domain name on 443, on another machine than the homeserver,
 * which nobody else reaches. What nginx could read is recorded where it sends it on.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { keyFileName } from "@fedchat/homeserver/node";
import { accountId, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { startClearRecorder } from "../harness/clear-recorder.ts";
import { engineSecrets } from "../harness/engine-secrets.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startFedchat, until } from "../harness/fedchat-process.ts";
import { formsOf } from "../harness/forms-of.ts";
import type { LabHost } from "../harness/lab-host.ts";
import type { Lab } from "../harness/namespaces.ts";
import { openLab } from "../harness/namespaces.ts";
import type { Site } from "../harness/nginx.ts";
import { startNginx } from "../harness/nginx.ts";
import type { TestCa } from "../harness/test-ca.ts";
import { testCa } from "../harness/test-ca.ts";

const floodProgram = new URL("./flood-process.ts", import.meta.url).pathname;
const domain = "chat.example.test";
/** A site whose upstream takes connections and says nothing. */
const silentDomain = "silent.example.test";
const silentPort = 9_001;
const idleSeconds = 30;
const idleWaitMs = 70_000;

test("link, request and messages by domain and 443; pings outlive nginx's idle time-out; nginx reads ciphertext only", async () => {
  using lab = openLab();
  await using office = await officeBehindNginx(lab, (site) => [
    site,
    { ...site, domain: silentDomain, upstream: `http://127.0.0.1:${silentPort}` },
  ]);
  const { bob, nginx, recorder, ca, aliceAt } = office;
  await using alice = await startFedchat({ name: "alice", inside: aliceAt });

  // A stranger's client that trusts the authority finds Bob's homeserver under its name.
  const found = await get(aliceAt, ca, `https://${domain}/.well-known/fedchat`);
  expect(JSON.parse(found.body)).toMatchObject({ serverId: bob.info.serverId });
  expect(bob.info.addresses).toEqual([{ host: domain, port: 443, kind: "proxy" }]);

  const names: [string, string] = ["Alice Quillfeather", "Bob Marmalade"];
  const roomId = await befriend(alice, bob, { at: { host: domain, port: 443 }, names });
  const texts = ["Quillfeather lock 7741", "the heron answers 5520", "still here after the pause 93"];
  await tell(alice, bob, roomId, texts[0]!);
  await tell(bob, alice, roomId, texts[1]!);

  // Nobody says anything for longer than nginx waits: a silent upstream is cut off meanwhile, the link is not.
  const links = () => nginx.ended().filter((line) => line.includes("/fedchat/v1/link"));
  const before = { links: links(), connections: recorder.recorded().length };
  const cutOff = get(aliceAt, ca, `https://${silentDomain}/`);
  await new Promise((resolve) => setTimeout(resolve, idleWaitMs));
  const { status, seconds } = await cutOff;
  expect({ status, inTime: seconds >= idleSeconds && seconds < idleSeconds + 10 }).toEqual({
    status: 504,
    inTime: true,
  });
  expect({ links: links(), connections: recorder.recorded().length }).toEqual(before);
  await tell(bob, alice, roomId, texts[2]!);

  const read = Buffer.concat(recorder.recorded());
  // It is what nginx reads: its own request, and the hello that opens a channel, with the server that is expected.
  for (const clear of ["GET /fedchat/v1/link", `X-Forwarded-For: ${aliceAt.address}`, "fedchat-link"]) {
    expect(read.includes(clear), clear).toBe(true);
  }
  expect(formsIn(read, serverId.toBytes(serverId.parse(bob.info.serverId)!))).toContain("raw");
  const accounts = await Promise.all([alice, bob].map(accountOf));
  const keys = [alice, bob].flatMap((person) => [...engineSecrets(person), ...homeserverSecrets(person)]);
  expect(keys.length).toBeGreaterThanOrEqual(12);
  const secrets = [...texts, "May I?", ...names, ...accounts, ...keys];
  expect(secrets.map((secret) => formsIn(read, secret))).toEqual(secrets.map(() => []));
});

test("[L20] a stranger's flood through the proxy is counted as the stranger's, and others are let in", async () => {
  using lab = openLab();
  await using office = await officeBehindNginx(lab);
  await using alice = await startFedchat({ name: "alice", inside: office.aliceAt });
  const roomId = await befriend(alice, office.bob, { at: { host: domain, port: 443 } });
  await alice.stop();

  const flood = lab
    .host("stranger", office.internet)
    .spawn([process.execPath, floodProgram, domain, "443"], { stdio: ["ignore", "pipe", "inherit"] });
  const rounds = createInterface(flood.stdout!)[Symbol.asyncIterator]();
  const round = async () => Number((await rounds.next()).value);
  await until("the stranger is refused", async () => (await round()) > 10);
  await alice.start();
  const causes = new Set<string | undefined>();
  await until("the servers are linked again", async () => {
    const [server] = await alice.call("servers.list", {});
    causes.add(server?.cause?.code);
    return server?.state === "connected";
  });
  expect([...causes]).not.toContain("rate-limited");
  await tell(alice, office.bob, roomId, "in spite of the crowd");
  expect(await round()).toBeGreaterThan(10);
  flood.kill();
});

test("a proxy that passes no WebSockets, and one with nothing behind it, are named as such", async () => {
  using lab = openLab();
  await using office = await officeBehindNginx(lab, (site) => [
    { ...site, webSockets: false },
    { ...site, domain: "empty.example.test", upstream: "http://127.0.0.1:9" },
  ]);
  await using alice = await startFedchat({ name: "alice", inside: office.aliceAt });
  await alice.call("account.create", { displayName: "Alice" });
  const bobsId = office.bob.info.serverId;
  const seen = async (host: string) =>
    (await alice.call("servers.link", { host, port: 443, serverId: bobsId })).cause;
  expect(await seen(domain)).toMatchObject({
    code: "not-fedchat",
    sentence:
      `Something answers there, but it is not FedChat. The proxy at ${domain}:443 does not pass WebSockets on: ` +
      "it has to pass the headers Upgrade and Connection (HTTP status 426).",
    fix: expect.stringContaining("proxy"),
  });
  await alice.call("servers.unlink", { serverId: bobsId });
  expect(await seen("empty.example.test")).toMatchObject({
    code: "unreachable",
    sentence: expect.stringContaining("gets no answer from the homeserver behind it (HTTP status 502)"),
  });
});

/** One says something in the room, and the other's screen shows it. */
async function tell(from: FedchatProcess, to: FedchatProcess, roomId: string, text: string): Promise<void> {
  await from.call("messages.send", { roomId, text });
  await until(`'${text}' arrives`, async () => {
    const { messages } = await to.call("messages.list", { roomId });
    return messages.some((message) => message.text === text);
  });
}

/** As a client that relies on the certificate would, from a host of the lab. */
async function get(from: LabHost, ca: TestCa, url: string) {
  const program = `
    const began = Date.now();
    fetch(process.argv[1]).then(async (answer) => console.log(JSON.stringify({
      status: answer.status, seconds: Math.floor((Date.now() - began) / 1_000), body: await answer.text(),
    })));`;
  const trusting = ["env", `NODE_EXTRA_CA_CERTS=${ca.certificate}`, process.execPath, "-e", program, url];
  const child = from.spawn(trusting, { stdio: ["ignore", "pipe", "inherit"] });
  const said = await text(child.stdout!);
  return JSON.parse(said) as { status: number; seconds: number; body: string };
}

const formsIn = (bytes: Buffer, secret: string | Uint8Array): string[] =>
  formsOf(secret)
    .filter((form) => bytes.includes(form.bytes))
    .map(({ form }) => form);

async function accountOf(person: FedchatProcess): Promise<Uint8Array> {
  const { me } = await person.call("engine.status", {});
  return accountId.toBytes(accountId.parse(me!.account)!);
}

function homeserverSecrets(person: FedchatProcess): Uint8Array[] {
  const kept = JSON.parse(readFileSync(join(person.data, keyFileName), "utf8")) as Record<string, string>;
  return ["identity", "noise"].map((name) => Buffer.from(kept[name]!, "base64url"));
}

/** Before it has a certificate. */
type BareSite = Omit<Site, "certificate" | "key">;

/** Bob's homeserver in a private network; nginx has a leg in it, and one in the internet, where Alice is. */
async function officeBehindNginx(lab: Lab, sitesOf: (site: BareSite) => BareSite[] = (site) => [site]) {
  await using started = new AsyncDisposableStack();
  const internet = lab.network("198.51.100");
  const inside = lab.network("10.20.0");
  const [front, bobAt, aliceAt] = [
    lab.host("front", internet, inside),
    lab.host("bob", inside),
    lab.host("alice", internet),
  ];
  const ca = testCa(lab.folder);
  const settings = join(lab.folder, "bob.toml");
  writeFileSync(settings, `addresses = ["${domain}:443 proxy"]\nproxies = ["${front.addresses[1]}"]\n`);
  const bob = started.use(await startFedchat({ name: "bob", inside: bobAt, args: ["--config", settings] }));
  const recorder = await startClearRecorder(front, lab.folder, { host: bobAt.address, port: bob.info.port });
  const usual = { domain, upstream: recorder.upstream, webSockets: true, idleSeconds };
  const sites = sitesOf(usual).map((site) => ({ ...site, ...ca.issue(site.domain) }));
  for (const site of sites) lab.domain(site.domain, front);
  front.spawn(
    [process.execPath, "-e", `require("node:net").createServer().listen(${silentPort}, "127.0.0.1")`],
    { stdio: "ignore" },
  );
  const nginx = started.use(await startNginx(front, lab.folder, sites));
  const stack = started.move();
  return { bob, nginx, recorder, ca, aliceAt, internet, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
