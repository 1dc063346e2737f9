/**
 * This server's voice and ear in one local network: says that it is there, answers who asks, and asks who else is, by
 * DNS-SD (RFC 6763) through `bonjour-service`. Trusts nothing that is heard; the library works behind a guarded socket.
 */
import { Bonjour } from "bonjour-service";
import type { Browser, Service } from "bonjour-service";
import type { ServerId } from "@fedchat/protocol";
import { nearbyGoodbyeMs, nearbyServicesHeardMax } from "./limits.ts";
import type { NearbyAnswer } from "./nearby-answer.ts";
import { answerText, readAnswer, serviceType } from "./nearby-answer.ts";
import type { LocalNetwork } from "./nearby-networks.ts";
import type { GuardedSocketOptions } from "./nearby-socket.ts";
import { openGuardedSocket } from "./nearby-socket.ts";

export interface Announcement {
  server: ServerId;
  name: string;
  port: number;
  /** Of this machine in this network, where it listens. */
  hosts: readonly string[];
}

export interface VoiceOptions extends GuardedSocketOptions {
  network: LocalNetwork;
  /** Undefined: only looks. */
  announce: Announcement | undefined;
  onAnswer(answer: NearbyAnswer): void;
  onGone(answer: NearbyAnswer): void;
}

export interface Voice extends AsyncDisposable {
  /** Asks anew who is there: what is heard from now on counts as new. */
  ask(): void;
}

/** Rejects with `MulticastError`. */
export async function openVoice(options: VoiceOptions): Promise<Voice> {
  const socket = await openGuardedSocket(options);
  // Bound and joined already: what the library would do on every interface, and could not tell the failure of.
  const library = { socket, bind: false, multicast: false };
  const bonjour = new Bonjour(library as object, () => undefined);
  let browser: Browser | undefined;
  const ask = () => {
    browser?.stop();
    // A new one each time: the library's own list has no bound and takes no notice of new addresses.
    browser = listen(bonjour, options);
  };
  if (options.announce === undefined) ask();
  else {
    // The name to be said is our key. Whoever else claims it on the network is not asked.
    socket.deaf = true;
    publish(bonjour, options.announce).once("up", () => {
      socket.deaf = false;
      ask();
    });
  }
  return {
    ask: () => {
      if (!socket.deaf) ask();
    },
    async [Symbol.asyncDispose]() {
      browser?.stop();
      await inTime((done) => bonjour.unpublishAll(done));
      await inTime((done) => bonjour.destroy(done));
    },
  };
}

function publish(bonjour: Bonjour, { server, name, port, hosts }: Announcement): Service {
  const service = bonjour.publish({
    name: server,
    type: serviceType,
    protocol: "tcp",
    port,
    // Not the machine's own name, which is nobody's business here.
    host: `fedchat-${server.slice(0, 16)}.local`,
    txt: answerText(server, name),
    // Gives the time to say below which addresses are announced.
    probe: true,
  });
  const all = () => Object.getPrototypeOf(service).records.call(service) as ReturnType<Service["records"]>;
  service.records = () =>
    all().filter(({ type, data }) => (type !== "A" && type !== "AAAA") || hosts.includes(String(data)));
  return service;
}

function listen(bonjour: Bonjour, { network, onAnswer, onGone }: VoiceOptions): Browser {
  const browser = bonjour.find({ type: serviceType, protocol: "tcp" });
  const heard = (service: Service) => {
    // A flood: what it brought up to here is kept, the rest waits for the next round.
    if (browser.services.length >= nearbyServicesHeardMax) browser.stop();
    const answer = readAnswer(service, network);
    if (answer !== undefined) onAnswer(answer);
  };
  browser.on("up", heard);
  browser.on("txt-update", heard);
  browser.on("srv-update", heard);
  browser.on("down", (service) => {
    const answer = readAnswer(service, network);
    if (answer !== undefined) onGone(answer);
  });
  return browser;
}

/** The library calls back when its packet has left, which may be never. */
function inTime(work: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, nearbyGoodbyeMs);
    work(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
