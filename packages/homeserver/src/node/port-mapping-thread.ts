/**
 * The thread that asks the router for a port, by NAT-PMP (RFC 6886) and then by UPnP (WANIPConnection:2), through
 * `@achingbrain/nat-port-mapper`. A thread of its own, since the library reads what anybody in the network answers, and
 * raises some errors where nobody can catch them. Invariant: what it tells has been checked; each question is asked with
 * a fresh object of the library, whose queues do not recover from a router that falls silent.
 */
import type { EventEmitter } from "node:events";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { parentPort } from "node:worker_threads";
import type { Gateway, PortMapping } from "@achingbrain/nat-port-mapper";
import { pmpNat, upnpNat } from "@achingbrain/nat-port-mapper";
import { defaultGateway } from "./default-gateway.ts";
import { natPmpTimeoutMs, portMappingLifetimeMs, upnpTimeoutMs } from "./limits.ts";
import { localNetworks } from "./nearby-networks.ts";
import type { FromRouter, MappingFailure, ToRouter } from "./port-mapping-messages.ts";
import { isNear } from "./remote-address.ts";

const description = "FedChat";

type Attempt =
  | { mapping: PortMapping; way: "NAT-PMP" | "UPnP"; release: () => Promise<void> }
  | MappingFailure;

let release: (() => Promise<void>) | undefined;

parentPort!.on("message", (message: ToRouter) => {
  const work = message.ask === "map" ? map(message.port) : giveBack();
  work
    .then((told) => parentPort!.postMessage(told))
    .catch((error: unknown) => setImmediate(() => raise(error)));
});

/** Where the thread's owner hears of it. */
function raise(error: unknown): never {
  throw error;
}

async function map(port: number): Promise<FromRouter> {
  const networks = localNetworks(networkInterfaces());
  if (networks.length === 0) return failed({ why: "no-network" });
  let failure: MappingFailure = { why: "no-router" };
  for (const attempt of [byNatPmp, byUpnp]) {
    const result = await attempt(port);
    if ("mapping" in result) {
      const { externalHost: host, externalPort } = result.mapping;
      if (isPublic(host) && externalPort >= 1 && externalPort <= 65_535) {
        release = result.release;
        return { told: "mapped", way: result.way, host, port: externalPort };
      }
      await result.release();
      failure = { why: "not-public" };
    } else if (failure.why === "no-router") failure = result;
  }
  return failed(failure);
}

async function giveBack(): Promise<FromRouter> {
  await release?.();
  release = undefined;
  return { told: "released" };
}

async function byNatPmp(port: number): Promise<Attempt> {
  const router = defaultGateway();
  if (router === undefined || !isNear(router)) return { why: "no-router" };
  // The library sends these milliseconds as the seconds that the protocol has.
  const ttl = portMappingLifetimeMs / 1_000;
  try {
    const mapping = await askPmp(router, (gateway, signal) =>
      gateway.map(port, "", { protocol: "TCP", ttl, signal }).then(async (mapped) => ({
        ...mapped,
        externalHost: await gateway.externalIp({ signal }),
      })),
    );
    return {
      mapping,
      way: "NAT-PMP",
      release: () => quietly(askPmp(router, (gateway, signal) => gateway.unmap(port, { signal }))),
    };
  } catch (error) {
    return failureOf(error);
  }
}

async function askPmp<T>(
  router: string,
  ask: (gateway: Gateway, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gateway = pmpNat(router, { autoRefresh: false, description });
  // Its socket's errors come as events, which would end this thread.
  const broken = new Promise<never>((_, reject) => {
    (gateway as unknown as EventEmitter).on("error", reject);
  });
  try {
    return await Promise.race([ask(gateway, AbortSignal.timeout(natPmpTimeoutMs)), broken]);
  } finally {
    await quietly(gateway.stop());
  }
}

async function byUpnp(port: number): Promise<Attempt> {
  const signal = AbortSignal.timeout(upnpTimeoutMs);
  let failure: MappingFailure = { why: "no-router" };
  try {
    for await (const gateway of upnpNat({ autoRefresh: false, description }).findGateways({ signal })) {
      // Whoever answers from elsewhere is not our router.
      const network = localNetworks(networkInterfaces()).find(({ contains }) => contains(gateway.host));
      if (network === undefined || gateway.family !== "IPv4") continue;
      try {
        const options = { protocol: "TCP", ttl: portMappingLifetimeMs, signal } as const;
        const mapping = await gateway.map(port, network.address, options);
        return { mapping, way: "UPnP", release: () => releaseUpnp(gateway, mapping) };
      } catch (error) {
        failure = failureOf(error);
        if (failure.why !== "no-router") return failure;
      }
    }
  } catch (error) {
    failure = failureOf(error);
  }
  return failure;
}

async function releaseUpnp(gateway: Gateway, { internalPort, externalPort }: PortMapping): Promise<void> {
  // The library would name the inner port as the outer one, which is another machine's mapping then: ours ends by itself.
  if (internalPort !== externalPort) return;
  await quietly(gateway.unmap(internalPort, { signal: AbortSignal.timeout(upnpTimeoutMs) }));
}

/** An answer that says no, or none. What a router says in words is not passed on. */
function failureOf(error: unknown): MappingFailure {
  const { name = "", message = "", code } = error as { name?: string; message?: string; code?: unknown };
  if (name === "TimeoutError" || name === "AbortError") return { why: "no-router" };
  const upnp = /^Code (\d{1,4})\b/.exec(message)?.[1];
  if (upnp !== undefined) return { why: "refused", code: `UPnP error ${upnp}` };
  if (code === noOutsideAddress) return { why: "not-public" };
  if (typeof code === "number" && code <= 0xffff) return { why: "refused", code: `NAT-PMP result ${code}` };
  // What reached no router at all, or made no sense.
  return { why: "no-router" };
}

/** RFC 6886 §3.5, result 3: the router has no address outside itself, or (miniupnpd) one that leads nowhere. */
const noOutsideAddress = 3;

const failed = (failure: MappingFailure): FromRouter => ({ told: "failed", failure });

const isPublic = (host: string): boolean =>
  isIP(host) === 4 && !isNear(host) && !/^(0|22[4-9]|2[3-5]\d)\./.test(host);

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
