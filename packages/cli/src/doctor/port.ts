/** The homeserver's own port on this machine: who listens there, and whether it is our homeserver that answers. */
import type { ServerId } from "@fedchat/protocol";
import { createServer } from "node:net";
import type { Finding } from "./findings.ts";
import { failed, passed } from "./findings.ts";
import { portHolder } from "./port-holder.ts";
import type { Ask, Outcome } from "./probes.ts";
import { dialHere } from "./probes.ts";

export interface ListeningPort {
  /** What it listens on; `::` and `0.0.0.0` are everything. */
  host: string;
  port: number;
  /** The one that was configured, or the default. */
  wanted: number;
}

/**
 * Of a homeserver or a directory that runs.
 * @param ask who answers there
 */
export async function portFinding(
  listening: ListeningPort,
  server: ServerId,
  ask: Ask = dialHere,
): Promise<Finding> {
  const place = { host: loopbackOf(listening.host), port: listening.port };
  const outcome = await ask(place, server);
  const holder = outcome.code === "ok" ? undefined : portHolder(listening.port);
  const before = listening.wanted === listening.port ? undefined : portHolder(listening.wanted);
  return judgePort(listening, outcome, holder, before);
}

/**
 * @param holder who listens on the port, where that can be told
 * @param before who listens on the port that was wanted
 */
export function judgePort(
  { port, wanted }: ListeningPort,
  outcome: Outcome,
  holder: string | undefined,
  before: string | undefined,
): Finding {
  const subject = { check: "port", title: `Port ${port} on this machine` };
  switch (outcome.code) {
    case "ok":
      if (wanted === port || wanted === 0) return passed(subject, "FedChat listens there.");
      return passed(
        subject,
        `FedChat listens there, since ${before ?? "another program"} has port ${wanted}.`,
      );
    case "wrong-server-key":
    case "not-fedchat":
      return failed(subject, {
        code: "port-taken",
        sentence: `${holder ?? "Another program"} answers there.`,
        fix: "End that program, or start FedChat with another --port.",
      });
    default:
      return failed(subject, {
        code: "port-closed",
        sentence: `FedChat listens there and does not answer this machine itself: ${outcome.sentence}`,
        fix: "Look for a firewall on this machine that filters its own connections.",
      });
  }
}

/** Of a homeserver that does not run: could it have its port? */
export async function freePortFinding(host: string, port: number): Promise<Finding> {
  const subject = { check: "port", title: `Port ${port} on this machine` };
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  switch (code) {
    case undefined:
      return passed(subject, "It is free.");
    case "EADDRINUSE":
      return failed(subject, {
        code: "port-taken",
        sentence: `It is taken by ${portHolder(port) ?? "another program"}.`,
        fix: "End that program, or start FedChat with another --port.",
      });
    case "EACCES":
      return failed(subject, {
        code: "port-forbidden",
        sentence: "This user may not listen there.",
        fix: "Choose a port above 1023.",
      });
    default:
      return failed(subject, {
        code: "port-unusable",
        sentence: `Nothing can listen on ${host} (${code}).`,
        fix: "Correct the setting host.",
      });
  }
}

/** Where a server that listens on this address is reached from its own machine. */
export function loopbackOf(host: string): string {
  return host === "::" || host === "0.0.0.0" || host === "" ? "127.0.0.1" : host;
}
