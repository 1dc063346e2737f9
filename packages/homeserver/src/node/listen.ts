/** Binds a server to its port. A default port that is taken gives way to the next free one; a chosen one does not. */
import type { Server } from "node:net";
import { portsTriedMax } from "./limits.ts";

/** The port cannot be had. The message says why; `fix` is one thing to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly fix: string;
  /** Where another program has it. */
  readonly taken: number | undefined;

  constructor(sentence: string, fix: string, cause: Error, taken?: number) {
    super(sentence, { cause });
    this.fix = fix;
    this.taken = taken;
  }
}

export async function listen(
  server: Server,
  { host, port, portIsDefault }: { host: string; port: number; portIsDefault: boolean },
): Promise<void> {
  const last = portIsDefault && port !== 0 ? Math.min(port + portsTriedMax, 65_535) : port;
  for (let tried = port; ; tried += 1) {
    try {
      return await listenAt(server, host, tried);
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || tried === last) throw explained(error as NodeJS.ErrnoException, host, port, last);
    }
  }
}

function listenAt(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error);
    server.once("error", failed);
    server.listen({ host, port }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function explained(cause: NodeJS.ErrnoException, host: string, port: number, last: number): Error {
  switch (cause.code) {
    case "EADDRINUSE":
      return port === last
        ? new ListenError(
            `Port ${port} is in use by another program.`,
            "Stop that program, or choose another port.",
            cause,
            port,
          )
        : new ListenError(`Ports ${port} to ${last} are all in use.`, "Choose another port.", cause);
    case "EACCES":
      return new ListenError(
        `Port ${port} may not be used without special rights.`,
        "Choose one above 1023, or let a proxy forward to it.",
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ListenError(
        `This machine has no address ${host} to listen on.`,
        "Choose one that it has, or 0.0.0.0 for all, as the setting host.",
        cause,
      );
    case undefined:
    default:
      return cause;
  }
}
