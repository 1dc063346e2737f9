import { expect, test } from "vitest";
import { openBrowserInside, openScreen, phone, picture } from "../harness/browser.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import type { LabHost } from "../harness/lab-host.ts";
import { openLab } from "../harness/namespaces.ts";

const looks = ["--nearby", "announce"];

async function person(name: string, inside: LabHost, args = looks): Promise<FedchatProcess> {
  const fedchat = await startFedchat({ name, inside, args });
  await fedchat.call("account.create", { displayName: name });
  return fedchat;
}

const nearby = async (of: FedchatProcess) => (await of.call("servers.nearby", {})).servers;

test("[Y1] [Y2] servers in one network find each other, link when a person says so, and never by themselves", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  await using alice = await person("alice", lab.host("alice", wire));
  const bobsHost = lab.host("bob", wire);
  const told: string[] = [];
  await alice.onEvent((event) => {
    if (event.type === "nearby.changed") told.push(...event.nearby.servers.map(({ serverId }) => serverId));
  });
  await using bob = await person("bob", bobsHost);
  await using carol = await person("carol", lab.host("carol", lab.network("10.3.1")));

  const found = await until("Alice sees Bob", async () => (await nearby(alice))[0]);
  expect(found).toMatchObject({
    serverId: bob.info.serverId,
    shownName: "bob",
    trust: null,
    addresses: [{ host: bobsHost.address, port: 8443, kind: "lan" }],
  });
  await until("Alice's screen is told", async () => told.includes(bob.info.serverId));
  await until("Bob sees Alice", async () => (await nearby(bob))[0]?.serverId === alice.info.serverId);
  expect(await nearby(carol)).toEqual([]);
  expect(await alice.call("servers.list", {})).toEqual([]);

  const linked = await alice.call("servers.linkNearby", { serverId: bob.info.serverId });
  expect(linked).toMatchObject({ serverId: bob.info.serverId, trust: "outgoing", state: "connected" });
  await until("Bob is asked", async () => (await bob.call("servers.list", {}))[0]?.trust === "incoming");
  expect((await nearby(alice))[0]).toMatchObject({ trust: "outgoing" });

  await bob.stop();
  await until("Bob said goodbye", async () => (await nearby(alice)).length === 0);
  await expect(alice.call("servers.linkNearby", { serverId: carol.info.serverId })).rejects.toThrow(
    /not in the local network/,
  );
});

test("[Y2] on the screen a server nearby is offered with its key, and linked on a yes", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  const host = lab.host("alice", wire);
  await using alice = await person("alice", host);
  await using bob = await person("bob", lab.host("bob", wire));
  await using browser = await openBrowserInside(host);
  const { page, complaints } = await openScreen(browser, alice);
  await page.goto(`${alice.info.screen}/servers`);
  const row = page.locator(`[data-testid=nearby-row][data-server="${bob.info.serverId}"]`);
  await row.waitFor();
  await picture(page, "nearby-desktop");
  await row.getByTestId("link-nearby").click();
  const dialog = page.getByTestId("nearby-dialog");
  await dialog.waitFor();
  const shownKey = (await page.getByTestId("nearby-key").innerText()).replaceAll(/\s/g, "");
  expect(shownKey).toBe(bob.info.serverId);
  await picture(page, "nearby-ask-desktop");
  await page.setViewportSize(phone);
  await picture(page, "nearby-ask-phone");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await alice.call("servers.list", {})).toEqual([]);
  await picture(page, "nearby-phone");
  await row.getByTestId("link-nearby").click();
  await page.getByTestId("nearby-yes").click();
  await page.locator("[data-testid=server][data-trust=outgoing]").waitFor();
  await page.goto(`${alice.info.screen}/servers`);
  await row.getByText("they do not link you").waitFor();
  await picture(page, "nearby-linked-phone");
  expect(complaints).toEqual([]);
});

test("[Y1] who only looks is not seen, and who does neither sees nothing", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  await using alice = await person("alice", lab.host("alice", wire));
  await using looker = await person("looker", lab.host("looker", wire), ["--nearby", "look"]);
  await using quiet = await person("quiet", lab.host("quiet", wire), ["--no-nearby"]);
  await until(
    "the looker sees Alice",
    async () => (await nearby(looker))[0]?.serverId === alice.info.serverId,
  );
  expect(await nearby(alice)).toEqual([]);
  expect(await quiet.call("servers.nearby", {})).toEqual({ mode: "off", problem: null, servers: [] });
});

test("[Y2] a liar in the network who names another server's id gets wrong-server-key, and nothing is linked", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  await using alice = await person("alice", lab.host("alice", wire));
  const liarsHost = lab.host("liar", wire);
  // A real homeserver, so that somebody answers; what is said about it is not its own.
  await using _ = await person("liar", liarsHost, ["--no-nearby"]);
  const id = "a".repeat(52);
  announce(liarsHost, { id, v: "1", name: "bob" });
  await until("Alice hears the lie", async () => (await nearby(alice))[0]?.serverId === id);
  await expect(alice.call("servers.linkNearby", { serverId: id })).rejects.toThrow(/key/);
  expect(await alice.call("servers.list", {})).toEqual([]);
});

test("[Y3] hostile packets and a flood of invented servers neither end it nor fill more than the list", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  await using alice = await person("alice", lab.host("alice", wire));
  const flooder = lab.host("flooder", wire);
  expect(flooder.run(process.execPath, "-e", flood)).toContain("sent");
  // What one machine may say of others, and no more.
  await until("the flood is seen", async () => (await nearby(alice)).length === 16);
  await using _ = await person("bob", lab.host("bob", wire));
  await until("Bob is seen through it", async () => (await nearby(alice)).some(({ name }) => name === "bob"));
  const { servers, problem } = await alice.call("servers.nearby", {});
  expect(problem).toBeNull();
  expect(servers).toHaveLength(17);
});

test("[Y4] where another program keeps the port to itself, FedChat starts and says so", async () => {
  using lab = openLab();
  const host = lab.host("alice", lab.network("10.3.0"));
  const hold = 'require("node:dgram").createSocket("udp4").bind(5353, () => console.log("held"))';
  const child = host.spawn([process.execPath, "-e", hold], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  await using alice = await person("alice", host);
  await until("it says so", async () =>
    /keeps the port of multicast DNS/.test((await alice.call("servers.nearby", {})).problem ?? ""),
  );
  child.kill();
});

test("[Y4] without a network FedChat starts, says so, and ends at once", async () => {
  using lab = openLab();
  await using alice = await person("alice", lab.host("alice"));
  expect((await alice.call("servers.nearby", {})).problem).toMatch(/in no local network/);
  const before = Date.now();
  await alice.stop();
  expect(Date.now() - before).toBeLessThan(5_000);
});

test("[Y4] a wire that is cut and healed: found again", async () => {
  using lab = openLab();
  const wire = lab.network("10.3.0");
  const host = lab.host("alice", wire);
  await using alice = await person("alice", host);
  host.cut();
  await using _ = await person("bob", lab.host("bob", wire));
  expect(await nearby(alice)).toEqual([]);
  host.heal();
  await until("Bob is found", async () => (await nearby(alice)).length === 1, 90_000);
});

/** Says this, and nothing true, in the network of a host; ends with the lab. */
function announce(host: LabHost, txt: Record<string, string>): void {
  const code = `
    const { Bonjour } = require("bonjour-service");
    new Bonjour({ interface: "${host.address}", bind: "0.0.0.0" })
      .publish({ name: "liar", type: "fedchat", port: 8443, probe: false, txt: ${JSON.stringify(txt)} });`;
  host.spawn([process.execPath, "-e", code], { stdio: ["ignore", "inherit", "inherit"] });
}

/** 5,000 servers that are none, random bytes, and packets that say that they hold more than they do. */
const flood = `
  const { createSocket } = require("node:dgram");
  const { randomBytes } = require("node:crypto");
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  const label = (text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
  const name = (...labels) => Buffer.concat([...labels.map(label), Buffer.of(0)]);
  const record = (owner, type, data) => {
    const head = Buffer.alloc(10);
    head.writeUInt16BE(type, 0); head.writeUInt16BE(1, 2); head.writeUInt32BE(4500, 4); head.writeUInt16BE(data.length, 8);
    return Buffer.concat([owner, head, data]);
  };
  const header = (answers) => { const b = Buffer.alloc(12); b.writeUInt16BE(0x8400, 2); b.writeUInt16BE(answers, 6); return b; };
  const service = name("_fedchat", "_tcp", "local");
  function server(n) {
    const id = [...randomBytes(51)].map((byte) => letters[byte & 31]).join("") + "a";
    const full = name("s" + n, "_fedchat", "_tcp", "local");
    const host = name("h" + n, "local");
    const srv = Buffer.concat([Buffer.of(0, 0, 0, 0, 0x20, 0xfb), host]);
    const txt = Buffer.concat([label("id=" + id), label("v=1"), label("name=flood")]);
    return Buffer.concat([header(4), record(service, 12, full), record(full, 33, srv), record(full, 16, txt),
      record(host, 1, Buffer.of(10, 3, 0, 1 + (n % 250)))]);
  }
  const socket = createSocket("udp4");
  const send = (packet) => new Promise((done) => socket.send(packet, 5353, "224.0.0.251", done));
  (async () => {
    for (let n = 0; n < 5000; n++) await send(server(n));
    for (let n = 0; n < 2000; n++) await send(randomBytes(1 + (n % 1400)));
    for (let n = 0; n < 500; n++) await send(Buffer.concat([header(0xffff), randomBytes(200)]));
    for (let n = 0; n < 500; n++) await send(Buffer.concat([header(1 + (n % 90)), randomBytes(600)]));
    console.log("sent");
    socket.close();
  })();`;
