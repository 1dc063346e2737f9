/** What the doctor concludes from what it saw: the right cause, and one fix. */
import { ProtocolError, toWireError } from "@fedchat/protocol";
import type { DirectoryView, ErrorCode, ServerAddress } from "@fedchat/protocol";
import { expect, test } from "vitest";
import type { AddressFacts } from "../src/doctor/address.ts";
import { judgeAddress } from "../src/doctor/address.ts";
import { judgeOwnCertificate, judgeSeenCertificate } from "../src/doctor/certificate.ts";
import { judgeClock } from "../src/doctor/clock.ts";
import { judgeDialBack } from "../src/doctor/dial-back.ts";
import { judgeRecoveryKey } from "../src/doctor/recovery-key.ts";
import { judgeDirectory } from "../src/doctor/directories.ts";
import { failed } from "../src/doctor/findings.ts";
import { judgeLinks } from "../src/doctor/links.ts";
import { judgeNames } from "../src/doctor/names.ts";
import { judgeNearby, judgePortMapping } from "../src/doctor/network.ts";
import { judgePort } from "../src/doctor/port.ts";
import type { ProxyFacts } from "../src/doctor/proxy.ts";
import { judgeCut, judgeProxy } from "../src/doctor/proxy.ts";
import { linkView, serverNumber } from "./doctor-link.ts";

const day = 86_400_000;
const self = serverNumber(1);
const address = (host: string, kind: ServerAddress["kind"] = "direct", port = 8443): ServerAddress => ({
  host,
  port,
  kind,
});
const home = address("203.0.113.7");
const ok = { code: "ok", sentence: "" };
const silent = { code: "unreachable", sentence: "no answer in time." };
const dialOf = (to: ServerAddress, code: string, by = "bob") => ({ by, address: to, code });

function judged(facts: Partial<AddressFacts> & { address: ServerAddress }) {
  return judgeAddress({
    port: 8443,
    resolved: [facts.address.host],
    isOwn: false,
    here: silent,
    outside: [],
    announced: [facts.address],
    ...facts,
  });
}

test("an address that a linked server dialled has passed, whether or not this machine can dial it", () => {
  expect(judged({ address: home, outside: [dialOf(home, "ok")] })).toMatchObject({
    result: "passed",
    sentence: "bob dialled it.",
  });
});

test("nobody gets through to a public address: its port is closed", () => {
  const dials = [dialOf(home, "unreachable"), dialOf(home, "unreachable", "carol")];
  const finding = judged({ address: home, isOwn: true, here: ok, outside: dials });
  expect(finding).toMatchObject({ result: "failed", code: "port-closed" });
  expect(finding.sentence).toBe("bob, carol dialled it and got no answer.");
  expect(finding.fix).toContain("firewall");
});

test("nobody gets through, and others see us come from elsewhere: the address is wrong, and the right one is offered", () => {
  const elsewhere = address("198.51.100.9");
  const outside = [dialOf(home, "unreachable"), dialOf(elsewhere, "ok")];
  expect(judged({ address: home, outside })).toMatchObject({
    code: "wrong-address",
    sentence: expect.stringContaining("bob sees you come from 198.51.100.9"),
    action: { kind: "copy", text: 'addresses = ["198.51.100.9:8443"]' },
  });
  // Another address that is announced, too, is no sign of that.
  const announced = [home, elsewhere];
  expect(judged({ address: home, outside, announced }).code).toBe("port-closed");
  // Nor is one of the network that both share.
  const near = [dialOf(home, "unreachable"), dialOf(address("192.168.1.7"), "ok")];
  expect(judged({ address: home, outside: near }).code).toBe("port-closed");
});

test("somebody else answers at an address: it is wrong, for whoever saw that", () => {
  expect(judged({ address: home, here: { code: "wrong-server-key", sentence: "" } })).toMatchObject({
    code: "wrong-address",
    sentence: expect.stringContaining("Another FedChat server"),
  });
  expect(judged({ address: home, outside: [dialOf(home, "not-fedchat")] }).code).toBe("wrong-address");
});

test("that this machine cannot dial its router's address proves nothing", () => {
  expect(judged({ address: home })).toMatchObject({ result: "untestable", code: "not-asked" });
  expect(judged({ address: home, here: ok, isOwn: true })).toMatchObject({ result: "untestable" });
});

test("an address of this machine at which it does not answer is closed", () => {
  const lan = address("192.168.1.7", "lan", 9000);
  const finding = judged({ address: lan, isOwn: true, here: silent });
  expect(finding).toMatchObject({ code: "port-closed", fix: expect.stringContaining("--port 9000") });
});

test("an address of the own network passes as such, and is warned of where it is announced as public", () => {
  const lan = address("192.168.1.7", "lan");
  expect(judged({ address: lan, here: ok }).result).toBe("passed");
  // Whoever asked from beyond this network cannot have reached it.
  expect(judged({ address: lan, here: ok, outside: [dialOf(lan, "unreachable")] }).result).toBe("passed");
  expect(judged({ address: address("192.168.1.7"), here: ok })).toMatchObject({
    result: "warning",
    code: "private-address",
  });
});

test("a name that does not exist, and what a name resolves to", () => {
  const named = address("chat.example.com");
  expect(judged({ address: named, resolved: [] }).code).toBe("no-such-host");
  const outside = [dialOf(named, "unreachable")];
  expect(judged({ address: named, resolved: ["203.0.113.7"], outside }).sentence).toContain(
    "It resolves to 203.0.113.7.",
  );
});

const front = address("chat.example.com", "proxy", 443);
function judgedProxy(facts: Partial<ProxyFacts>) {
  return judgeProxy({
    address: front,
    port: 8443,
    resolved: ["203.0.113.7"],
    tcp: undefined,
    answer: undefined,
    shows: undefined,
    self,
    dial: silent,
    outside: [],
    ...facts,
  });
}
const answered = (status: number) => ({ status, date: 0, body: Buffer.alloc(0), certificate: undefined });

test("a proxy that leads here without WebSockets, to another server, to nothing, or does not exist", () => {
  const refused = { code: "not-fedchat", sentence: "" };
  expect(judgedProxy({ dial: ok }).result).toBe("passed");
  expect(judgedProxy({ dial: refused, answer: answered(200), shows: self })).toMatchObject({
    code: "no-upgrade",
    action: { kind: "copy", text: expect.stringContaining("proxy_set_header Upgrade") },
  });
  expect(judgedProxy({ dial: refused, answer: answered(426) }).code).toBe("no-upgrade");
  expect(judgedProxy({ dial: refused, answer: answered(200), shows: serverNumber(9) }).code).toBe(
    "wrong-address",
  );
  expect(judgedProxy({ dial: { code: "wrong-server-key", sentence: "" } }).code).toBe("wrong-address");
  expect(judgedProxy({ dial: refused, answer: answered(404) }).code).toBe("wrong-address");
  expect(judgedProxy({ answer: answered(502) }).code).toBe("nothing-behind");
  expect(judgedProxy({}).code).toBe("no-tls");
  expect(judgedProxy({ tcp: "ECONNREFUSED" }).code).toBe("nothing-there");
  expect(judgedProxy({ resolved: [] }).code).toBe("no-such-host");
});

test("a proxy that this machine reaches and others do not, and the reverse", () => {
  expect(judgedProxy({ dial: ok, outside: [dialOf(front, "unreachable")] }).code).toBe("port-closed");
  expect(judgedProxy({ tcp: "ETIMEDOUT", outside: [dialOf(front, "ok")] })).toMatchObject({
    result: "warning",
    code: "not-from-here",
  });
  expect(judgeCut(front, 20_400)).toMatchObject({
    code: "cut-when-quiet",
    sentence: expect.stringContaining("after 20 s"),
  });
});

test("a clock that is off by more than a minute is a warning, by more than a day a failure that says what breaks", () => {
  const off = (...aheadMs: number[]) =>
    judgeClock(aheadMs.map((ms, index) => ({ by: `s${index}`, aheadMs: ms })));
  expect(off(900).result).toBe("passed");
  expect(off(-59_000).result).toBe("passed");
  expect(off(61_000)).toMatchObject({ result: "warning", code: "clock-off" });
  expect(off(-2 * day)).toMatchObject({
    result: "failed",
    sentence: expect.stringMatching(/2 days behind s0\. .*links fail/),
    fix: expect.stringContaining("or theirs is wrong"),
  });
  // Most agree: the one that does not is wrong.
  expect(off(3 * day, 500, -200).result).toBe("passed");
  expect(off(3 * day, 3 * day, 0)).toMatchObject({
    result: "failed",
    sentence: expect.stringContaining("3 days ahead of s0, s1, which agree"),
  });
  expect(off()).toMatchObject({ result: "untestable", code: "no-other-clock" });
});

test("[L15] another key under our name, two servers under one, and a server that refuses ours", () => {
  const me = { server: self, name: "alice" };
  const taken = toWireError(new ProtocolError("name-taken"));
  expect(judgeNames(me, [])[0]!.result).toBe("untestable");
  expect(judgeNames(me, [linkView()])[0]!.result).toBe("passed");
  expect(judgeNames(me, [linkView({ name: "alice", trust: "incoming" })])[0]).toMatchObject({
    code: "name-conflict",
    action: { kind: "server", server: serverNumber(2) },
  });
  // A name of the person's own choice has settled it.
  expect(judgeNames(me, [linkView({ name: "alice", localName: "other alice" })])[0]!.result).toBe("passed");
  expect(judgeNames(me, [linkView({ error: taken, state: "refused" })])[0]).toMatchObject({
    code: "name-conflict",
    sentence: expect.stringContaining("bob refuses this server"),
  });
  const twins = [linkView({ error: taken, state: "refused" }), linkView({ server: serverNumber(3) })];
  expect(judgeNames(me, twins)[0]!.sentence).toContain("Two servers with different keys are called bob");
});

test("[L25] what linked servers said in all", () => {
  const links = [linkView()];
  const both = { addresses: [home, address("chat.example.com")], port: 8443 };
  const judge = (codes: string[], addresses = both.addresses, at = both) => {
    const results = codes.map((code, index) => ({ address: addresses[index]!, code }));
    return judgeDialBack([{ server: serverNumber(2), name: "bob", results }], links, at);
  };
  expect(judge(["ok", "ok"])).toMatchObject({
    result: "passed",
    sentence: "Reached at 203.0.113.7:8443, chat.example.com:8443 by bob.",
  });
  expect(judge(["ok", "unreachable"])).toMatchObject({ result: "warning", code: "some-not-reached" });
  expect(judge(["unreachable", "unreachable"])).toMatchObject({ result: "failed", code: "not-reached" });
  // Where it comes from is dialled, too; that nobody answers there hurts nobody.
  const source = address("198.51.100.9");
  expect(judge(["ok", "ok", "unreachable"], [...both.addresses, source]).result).toBe("passed");
  expect(judge(["unreachable", "ok"], [home, source])).toMatchObject({
    code: "not-announced",
    action: { kind: "copy", text: 'addresses = ["198.51.100.9:8443"]' },
  });
  // At home behind a router this is how it is.
  const atHome = { addresses: [address("192.168.1.7", "lan")], port: 8443 };
  expect(judge(["unreachable", "unreachable"], [...atHome.addresses, source], atHome)).toMatchObject({
    result: "warning",
    code: "behind-router",
    sentence: expect.stringContaining("nor at 198.51.100.9, where you come from"),
    action: { kind: "copy", text: "port_mapping = true" },
  });
  expect(judgeDialBack([], [], both)).toMatchObject({ code: "nobody-to-ask", action: { kind: "invite" } });
  expect(judgeDialBack([], links, both)).toMatchObject({ code: "nobody-to-ask", action: null });
  const old = { server: serverNumber(2), name: "", results: [], error: new ProtocolError("unknown-method") };
  expect(judgeDialBack([old], links, both)).toMatchObject({ result: "untestable", code: "unknown-method" });
  // A directory is no link: it is called by its own name.
  const results = [{ address: home, code: "ok" }];
  const directory = { server: serverNumber(7), name: "yellow-pages", results };
  expect(judgeDialBack([directory], links, { ...both, addresses: [home] }).sentence).toContain(
    "by yellow-pages.",
  );
});

test("the homeserver's own certificate matters to browsers only", () => {
  const own = { kind: "own" as const, names: ["chat.example.com"], validUntil: 10 * day, problem: null };
  const domain = [address("chat.example.com", "direct", 443)];
  const covers = (host: string) => host === "chat.example.com";
  const judge = (
    change: Partial<Parameters<typeof judgeOwnCertificate>[0]>,
    addresses = domain,
    untrusted?: string,
  ) => judgeOwnCertificate({ ...own, ...change }, addresses, { covers, now: day, untrusted });
  expect(judge({})).toMatchObject({ result: "passed", sentence: expect.stringContaining("9 more days") });
  expect(judge({ kind: "self-signed", names: [] }).result).toBe("passed");
  expect(judge({ validUntil: day })).toMatchObject({ result: "warning", code: "certificate-expired" });
  expect(judge({}, [address("other.example.com")])).toMatchObject({ code: "certificate-name" });
  expect(judge({}, [home]).result).toBe("passed");
  const selfSigned = judge({}, domain, "DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(selfSigned).toMatchObject({ result: "warning", code: "certificate-self-signed" });
  expect(selfSigned.sentence).toContain("screens on other devices warn of it");
  expect(selfSigned.sentence).toContain("Links do not care");
  expect(judge({}, domain, "UNABLE_TO_VERIFY_LEAF_SIGNATURE")).toMatchObject({
    result: "warning",
    code: "certificate-untrusted",
    fix: expect.stringContaining("fullchain.pem"),
  });
  expect(judge({ names: [] }, [home], "ERR_TLS_CERT_ALTNAME_INVALID")).toMatchObject({
    result: "warning",
    code: "certificate-name",
  });
  // Whoever comes through a proxy sees the proxy's.
  const behind = [address("chat.example.com", "proxy", 443)];
  expect(judge({}, behind, "DEPTH_ZERO_SELF_SIGNED_CERT").result).toBe("passed");
  const problem = { sentence: "The file is gone.", fix: "Put it back.", nextTryAt: null };
  expect(judge({ problem })).toMatchObject({
    result: "failed",
    sentence: "The file is gone.",
    fix: "Put it back.",
  });
});

test("a proxy's certificate: taken, not yet valid, expired, for another name, of nobody", () => {
  const judge = (change: object) =>
    judgeSeenCertificate(
      "chat.example.com",
      { validFrom: 0, validTo: 10 * day, untrusted: undefined, ...change },
      day,
    ).code;
  expect(judge({})).toBeNull();
  expect(judge({ validFrom: 2 * day })).toBe("certificate-early");
  expect(judge({ validTo: day })).toBe("certificate-expired");
  expect(judge({ untrusted: "ERR_TLS_CERT_ALTNAME_INVALID" })).toBe("certificate-name");
  expect(judge({ untrusted: "DEPTH_ZERO_SELF_SIGNED_CERT" })).toBe("certificate-untrusted");
});

test("the own port: as wanted, another since that one was taken, taken, closed", () => {
  const listening = { host: "::", port: 8444, wanted: 8444 };
  expect(judgePort(listening, ok, undefined, undefined).sentence).toBe("FedChat listens there.");
  expect(judgePort({ ...listening, wanted: 8443 }, ok, undefined, "nginx (process 812)").sentence).toContain(
    "nginx (process 812) has port 8443",
  );
  expect(
    judgePort(listening, { code: "wrong-server-key", sentence: "" }, "x (process 1)", undefined),
  ).toMatchObject({
    code: "port-taken",
    sentence: "x (process 1) answers there.",
  });
  expect(judgePort(listening, silent, undefined, undefined).code).toBe("port-closed");
});

test("the router's port and the servers in this network", () => {
  const mapping = (state: Parameters<typeof judgePortMapping>[0]["portMapping"], isOutside = false) =>
    judgePortMapping({ portMapping: state, port: 8443 }, isOutside);
  expect(mapping({ state: "mapped", way: "UPnP", address: home })).toMatchObject({
    result: "passed",
    sentence: "203.0.113.7:8443 leads to port 8443 of this machine (UPnP).",
  });
  expect(mapping({ state: "failed", problem: "It said no.", fix: "Ask it by hand." })).toMatchObject({
    result: "failed",
    fix: "Ask it by hand.",
  });
  expect(mapping({ state: "asking" }).result).toBe("untestable");
  expect(mapping({ state: "off" })).toMatchObject({ action: { kind: "copy", text: "port_mapping = true" } });
  expect(mapping({ state: "off" }, true).action).toBeNull();
  const nearby = (state: Parameters<typeof judgeNearby>[0]["nearby"]) =>
    judgeNearby({ nearby: state }).result;
  expect(nearby({ mode: "announce", problem: null, found: 2 })).toBe("passed");
  expect(nearby({ mode: "look", problem: "No multicast here.", found: 0 })).toBe("warning");
  expect(nearby({ mode: "off", problem: null, found: 0 })).toBe("untestable");
});

test("links: the failing ones first, and where neither end is reached that is said, with what would help", () => {
  const away = linkView({
    server: serverNumber(3),
    name: "carol",
    state: "waiting",
    error: toWireError(new ProtocolError("unreachable", "carol.example:8443: no answer in time.")),
  });
  const links = [linkView(), away, linkView({ server: serverNumber(4), name: "mallory", trust: "blocked" })];
  expect(judgeLinks(links, true).map(({ title, result }) => `${title}: ${result}`)).toEqual([
    "Link to carol: failed",
    "Link to bob: passed",
    "Link to mallory: untestable",
  ]);
  expect(judgeLinks(links, true)[0]).toMatchObject({
    code: "unreachable",
    sentence: expect.stringContaining("carol.example:8443: no answer in time."),
    action: { kind: "server", server: serverNumber(3) },
  });
  expect(judgeLinks(links, false)[0]).toMatchObject({
    code: "neither-reached",
    fix: expect.stringContaining("relay"),
  });
  expect(judgeLinks([], true)[0]).toMatchObject({ result: "untestable", action: { kind: "linkServer" } });
});

test("a finding fits what carries it, whatever others wrote", () => {
  const long = failed(
    { check: "x", title: "\u001b[31m" + "ü".repeat(1_000) },
    { code: "y", sentence: "🦉".repeat(1_000) },
  );
  expect(Buffer.byteLength(long.title)).toBeLessThanOrEqual(400);
  expect(Buffer.byteLength(long.sentence)).toBeLessThanOrEqual(1_000);
  expect(long.title).not.toContain("\u001b");
  expect(long.sentence.isWellFormed()).toBe(true);
});

test("[D2] a directory: registered, refused for its token or its key, not reached, and still being tried", () => {
  const view: DirectoryView = {
    ...{ address: address("dir.example", "direct", 8443), server: null, name: "", state: "waiting" },
    ...{ error: null, nextTryAt: 5, servers: 0 },
  };
  const judge = (code: ErrorCode) => judgeDirectory({ ...view, error: toWireError(new ProtocolError(code)) });
  expect(judgeDirectory({ ...view, state: "connected", name: "dir", servers: 3 })).toMatchObject({
    result: "passed",
    title: "Directory dir.example:8443",
    sentence: "Registered with dir. It announced 3 other servers.",
  });
  expect(judge("not-allowed")).toMatchObject({
    result: "failed",
    sentence: expect.stringContaining("its token"),
    fix: expect.stringContaining("directory_token"),
  });
  expect(judge("wrong-server-key")).toMatchObject({
    result: "failed",
    sentence: expect.stringContaining("Another key answers there"),
    fix: expect.stringContaining('directory = ["dir.example:8443/SERVERID"]'),
  });
  expect(judge("unreachable")).toMatchObject({ result: "failed", code: "unreachable" });
  expect(judge("not-fedchat").fix).toContain("host and port");
  expect(judge("rate-limited")).toMatchObject({
    result: "failed",
    fix: expect.stringContaining("tried again"),
  });
  expect(judgeDirectory({ ...view, state: "connecting" })).toMatchObject({ result: "untestable" });
  expect(judgeDirectory({ ...view, state: "connecting", name: "bob" })).toMatchObject({
    result: "warning",
    sentence: expect.stringContaining("bob answers there"),
  });
});

test("[R7] words on paper that this homeserver had forgotten, or that others know otherwise, are told; nothing else is", () => {
  expect(judgeRecoveryKey(undefined)).toEqual([]);
  expect(judgeRecoveryKey("recalled")).toMatchObject([{ result: "warning", code: "recovery-key-recalled" }]);
  expect(judgeRecoveryKey("disputed")).toMatchObject([
    { result: "failed", fix: expect.stringContaining("server-key replace --unchecked") },
  ]);
});
