/** Listening on a TCP port: a default port that is taken gives way to the next free one, a configured one is an error. */
import type { AddressInfo, Server } from "node:net";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { portTriesMax } from "../limits.ts";

export interface ListenOptions {
  host: string;
  port: number;
  portIsDefault: boolean;
  /** Named in the error. */
  setting: string;
}

/** Resolves with the port that it got. Rejects with `CommandError`. */
export async function listenOn(server: Server, options: ListenOptions): Promise<number> {
  const tries = options.portIsDefault ? portTriesMax : 1;
  for (let port = options.port; port < options.port + tries; port++) {
    const failure = await tryListen(server, options.host, port);
    if (failure === undefined) return (server.address() as AddressInfo).port;
    if (failure.code === "EADDRINUSE" && options.portIsDefault) continue;
    throw portError(failure, options);
  }
  const sentence = `Ports ${options.port} to ${options.port + tries - 1} are all taken.`;
  throw new CommandError(exitCodes.failed, sentence, `Choose another with ${options.setting}.`);
}

function tryListen(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const settle = (error?: NodeJS.ErrnoException) => {
      server.off("error", settle).off("listening", settle);
      resolve(error);
    };
    server.once("error", settle).once("listening", settle);
    server.listen({ host, port, exclusive: true });
  });
}

function portError(error: NodeJS.ErrnoException, { port, host, setting }: ListenOptions): CommandError {
  const fixes: Record<string, [string, string]> = {
    EADDRINUSE: [
      `Port ${port} is taken by another program.`,
      `End that program, or choose another ${setting}.`,
    ],
    EACCES: [`This user may not listen on port ${port}.`, `Choose a ${setting} above 1023.`],
    EADDRNOTAVAIL: [`This machine has no address ${host}.`, "Correct the setting host."],
  };
  const [sentence, fix] = fixes[error.code ?? ""] ?? [
    `Nothing can listen on ${host}:${port} (${error.code}).`,
    undefined,
  ];
  return new CommandError(exitCodes.failed, sentence, fix, { cause: error });
}
