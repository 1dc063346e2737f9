/** The doctor's checks, in the order in which one failure explains the next. Each asks as an outsider would. */
import type { Server } from "@fedchat/engine/interface";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import type { HostInfo } from "../control/host-methods.ts";
import { CommandError } from "../exit-codes.ts";
import { clockSkewMsMax } from "../limits.ts";
import { nodeVersionOk, nodeVersionWanted } from "../node-version.ts";
import { probeDate, probeIdentity, probePort, probeTls } from "./probes.ts";

export interface Finding {
  check: string;
  result: "passed" | "failed" | "untestable";
  detail: string;
  fix?: string;
}

export async function* examine(config: Config): AsyncGenerator<Finding> {
  yield nodeVersion();
  yield dataFolder(config.data);
  let control: ControlClient;
  try {
    control = await connectControl(config.data);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    yield failed("FedChat runs", error.message, error.fix);
    for (const check of ["port answers", "certificate", "the homeserver's own key", "clock", "links"]) {
      yield { check, result: "untestable", detail: "because FedChat does not run" };
    }
    return;
  }
  using connected = control;
  const host = await connected.info();
  yield passed("FedChat runs", `process ${host.pid}, version ${host.version}`);
  const local = { host: loopbackOf(host.host), port: host.port };
  yield await checkPort(local);
  yield await checkCertificate(local);
  yield await checkIdentity(local, host);
  const servers = host.engine ? await connected.call("servers.list", {}) : [];
  yield await checkClock(servers);
  yield* links(host, servers);
}

const passed = (check: string, detail = ""): Finding => ({ check, result: "passed", detail });
const failed = (check: string, detail: string, fix: string | undefined): Finding => ({
  check,
  result: "failed",
  detail,
  ...(fix === undefined ? {} : { fix }),
});

function nodeVersion(): Finding {
  const detail = `Node ${process.versions.node}`;
  const fix = `Install Node ${nodeVersionWanted} or later, or run npm start, which brings its own.`;
  return nodeVersionOk(process.versions.node)
    ? passed("Node version", detail)
    : failed("Node version", detail, fix);
}

function dataFolder(data: string): Finding {
  const check = "data folder is yours alone";
  const folder = statSync(data, { throwIfNoEntry: false });
  if (folder === undefined) return { check, result: "untestable", detail: `${data} does not exist yet` };
  if (process.platform === "win32")
    return { check, result: "untestable", detail: "Windows keeps access in lists" };
  const open = (path: string) => (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077;
  if (open(data) !== 0) return failed(check, `${data} is open to other users`, `Run: chmod 700 ${data}`);
  const loose = readdirSync(data).filter((name) => name !== "fedchat.toml" && open(join(data, name)) !== 0);
  if (loose.length === 0) return passed(check, data);
  // Whoever cannot enter the folder cannot read what lies in it: this is a second wall.
  return failed(check, `${loose.join(", ")} in ${data} could be read by others`, `Run: chmod -R go= ${data}`);
}

async function checkPort(local: { host: string; port: number }): Promise<Finding> {
  const check = `port ${local.port} answers on this machine`;
  const problem = await probePort(local);
  return problem === undefined
    ? passed(check)
    : failed(check, problem, "Look for a firewall on this machine.");
}

async function checkCertificate(local: { host: string; port: number }): Promise<Finding> {
  const check = "certificate";
  const tls = await probeTls(local);
  if (typeof tls === "string")
    return failed(check, tls, "Restart FedChat; a missing or expired one is made anew.");
  const days = Math.floor((tls.validTo - Date.now()) / 86_400_000);
  if (days < 0)
    return failed(check, "it has expired", "Restart FedChat; it is made anew, your identity stays.");
  return passed(check, `valid for ${days} more days, ${tls.protocol}`);
}

async function checkIdentity(local: { host: string; port: number }, host: HostInfo): Promise<Finding> {
  const check = "the homeserver answers with its own key";
  const problem = await probeIdentity(local, host.serverId);
  const fix = "Another program may listen on this port; see the log.";
  return problem === undefined ? passed(check, host.serverId.slice(0, 8)) : failed(check, problem, fix);
}

/** A linked server's word on the time, by its HTTP Date: good enough to notice a clock that is hours off. */
async function checkClock(servers: readonly Server[]): Promise<Finding> {
  const check = "clock";
  for (const server of servers.filter(({ state }) => state === "connected")) {
    for (const address of server.addresses) {
      const theirs = await probeDate(address);
      if (theirs === undefined) continue;
      const skewMs = Math.abs(theirs - Date.now());
      const detail = `differs from ${server.shownName}'s by ${Math.round(skewMs / 1_000)} s`;
      const fix = "Set this machine's clock, by NTP if you can; or theirs is wrong.";
      return skewMs > clockSkewMsMax ? failed(check, detail, fix) : passed(check, detail);
    }
  }
  return { check, result: "untestable", detail: "no linked server is connected to compare with" };
}

function* links(host: HostInfo, servers: readonly Server[]): Generator<Finding> {
  if (!host.engine) return yield { check: "links", result: "untestable", detail: "no engine runs here" };
  if (servers.length === 0)
    return yield { check: "links", result: "untestable", detail: "no server is linked yet" };
  for (const { shownName, trust, state, cause } of servers) {
    const check = `link to ${shownName}`;
    if (trust === "blocked") yield { check, result: "untestable", detail: "you blocked it" };
    else if (state === "connected") yield passed(check, trust === "mutual" ? "" : `connected, ${trust} only`);
    else yield failed(check, cause?.sentence ?? state, cause?.fix ?? undefined);
  }
}

/** Where a server that listens on this address is reached from its own machine. */
function loopbackOf(host: string): string {
  return host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host;
}
