/** A proxy in front of this homeserver: is there one, does it lead here, does it pass WebSockets on and leave them open? */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import { formatAddress } from "../config/text-forms.ts";
import { proxyHoldMs } from "../limits.ts";
import type { OutsideDial } from "./dial-back.ts";
import { samePlace } from "./dial-back.ts";
import { judgeSeenCertificate } from "./certificate.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";
import type { HttpsAnswer, Outcome } from "./probes.ts";
import { dialHere, holdOpen, probePort, resolveHost, whoseRecord } from "./probes.ts";

export interface ProxyFacts {
  address: ServerAddress;
  /** Where it should lead. */
  port: number;
  resolved: string[];
  /** Of a plain TCP connection: the system's error code, or undefined where somebody accepts. */
  tcp: string | undefined;
  answer: HttpsAnswer | undefined;
  /** Whose record is shown through it. */
  shows: ServerId | undefined;
  self: ServerId;
  dial: Outcome;
  outside: readonly OutsideDial[];
}

export async function proxyFindings(
  address: ServerAddress,
  self: { server: ServerId; port: number },
  outside: Promise<readonly OutsideDial[]>,
  now: () => number,
): Promise<Finding[]> {
  const [resolved, tcp, { answer, server }, dial, dials] = await Promise.all([
    resolveHost(address.host),
    probePort(address),
    whoseRecord(address),
    dialHere(address, self.server),
    outside,
  ]);
  const facts = { address, port: self.port, self: self.server, resolved, tcp, answer, shows: server, dial };
  const way = judgeProxy({ ...facts, outside: dials });
  const seen = answer?.certificate && judgeSeenCertificate(address.host, answer.certificate, now());
  return seen === undefined ? [way] : [way, seen];
}

export function judgeProxy(facts: ProxyFacts): Finding {
  const { address, port, resolved, tcp, answer, shows, self, dial, outside } = facts;
  const place = formatAddress(address);
  const subject = { check: "proxy", title: `Proxy ${place}` };
  const dials = outside.filter((one) => samePlace(one.address, address));
  if (dial.code === "ok") {
    const blind = dials.find(({ code }) => code !== "ok");
    if (blind === undefined || dials.some(({ code }) => code === "ok"))
      return passed(subject, "It leads here and passes WebSockets on.");
    return failed(subject, {
      code: "port-closed",
      sentence: `It leads here from this machine, and ${blind.by} does not get through to it.`,
      fix: `Open port ${address.port} of the proxy to the outside.`,
    });
  }
  if (dials.some(({ code }) => code === "ok")) {
    const sentence = "Others reach you through it; this machine itself cannot, which hurts nobody else.";
    return warning(subject, { code: "not-from-here", sentence });
  }
  if (resolved.length === 0) {
    return failed(subject, {
      code: "no-such-host",
      sentence: `There is no host of the name ${address.host}, as far as this machine can find out.`,
      fix: "Make its DNS record, or correct addresses in fedchat.toml.",
    });
  }
  if (dial.code === "wrong-server-key" || (shows !== undefined && shows !== self)) {
    return failed(subject, {
      code: "wrong-address",
      sentence: "It leads to another FedChat server.",
      fix: `Have it pass ${address.host} on to port ${port} of this machine, or correct addresses.`,
    });
  }
  if (tcp !== undefined) {
    return failed(subject, {
      code: "nothing-there",
      sentence: `Nothing answers there (${tcp}).`,
      fix: "Start the proxy, open its port, or correct addresses in fedchat.toml.",
    });
  }
  if (answer === undefined) {
    return failed(subject, {
      code: "no-tls",
      sentence: "Something listens there that does not speak HTTPS.",
      fix: "Have the proxy terminate TLS on this port.",
    });
  }
  if (shows === self || answer.status === 426) {
    return failed(subject, {
      code: "no-upgrade",
      sentence: "It leads here and answers HTTP, but it does not pass WebSockets on: nobody can link you.",
      fix: "Have it pass the headers Upgrade and Connection. For nginx, in the location of FedChat:",
      action: { kind: "copy", text: nginxLocation(port) },
    });
  }
  if ([502, 503, 504].includes(answer.status)) {
    return failed(subject, {
      code: "nothing-behind",
      sentence: `It gets no answer from FedChat (HTTP status ${answer.status}).`,
      fix: `Have it pass requests on by HTTPS to port ${port} of this machine.`,
      action: { kind: "copy", text: nginxLocation(port) },
    });
  }
  return failed(subject, {
    code: "wrong-address",
    sentence: `Another web server answers there (HTTP status ${answer.status}), not FedChat behind a proxy.`,
    fix: `Have it pass ${address.host} on to port ${port} of this machine, or correct addresses.`,
    action: { kind: "copy", text: nginxLocation(port) },
  });
}

/** Silent for longer than our pings are apart: what is still open then stays open. [L5] */
export async function holdFinding(address: ServerAddress, server: ServerId): Promise<Finding> {
  const subject = holdSubject(address);
  const held = await holdOpen(address, server, proxyHoldMs);
  if (held === undefined)
    return passed(subject, `Still open after ${proxyHoldMs / 1_000} seconds of silence.`);
  if ("code" in held) {
    return untestable(subject, {
      code: "not-opened",
      sentence: "No WebSocket could be opened through the proxy.",
    });
  }
  return judgeCut(address, held.closedAfterMs);
}

export function judgeCut(address: ServerAddress, closedAfterMs: number): Finding {
  const seconds = Math.round(closedAfterMs / 1_000);
  return failed(holdSubject(address), {
    code: "cut-when-quiet",
    sentence: `The proxy closed a quiet connection after ${seconds} s: links through it break again and again.`,
    fix: "Let it wait for at least 60 seconds (nginx: proxy_read_timeout and proxy_send_timeout).",
    action: { kind: "copy", text: "proxy_read_timeout 120s;\nproxy_send_timeout 120s;" },
  });
}

export const holdSubject = (address: ServerAddress) => ({
  check: "proxy-quiet",
  title: `WebSockets through ${formatAddress(address)} stay open`,
});

const nginxLocation = (port: number): string =>
  [
    "location / {",
    `  proxy_pass https://127.0.0.1:${port};`,
    "  proxy_http_version 1.1;",
    "  proxy_set_header Upgrade $http_upgrade;",
    '  proxy_set_header Connection "upgrade";',
    "  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    "  proxy_read_timeout 120s;",
    "}",
  ].join("\n");
