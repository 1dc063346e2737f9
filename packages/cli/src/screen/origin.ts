/**
 * Which requests come from this machine's own screen. Host is checked on every request, so that a foreign name that
 * resolves to 127.0.0.1 (DNS rebinding) gets nothing; Origin wherever something is done.
 */
import type { IncomingMessage } from "node:http";

export class OwnOrigin {
  readonly #hosts: ReadonlySet<string>;

  constructor(port: number) {
    const names = ["127.0.0.1", "localhost", "[::1]"];
    this.#hosts = new Set(
      names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
    );
  }

  isHost({ headers }: IncomingMessage): boolean {
    return headers.host !== undefined && this.#hosts.has(headers.host);
  }

  /** The page that asks is our own, at the very name it asks for. */
  isSameOrigin({ headers }: IncomingMessage): boolean {
    return headers.origin === `http://${headers.host}`;
  }

  /** The form in the owner-only file: browsers give local files the opaque origin. */
  isLocalFile({ headers }: IncomingMessage): boolean {
    return headers.origin === "null";
  }
}

/** All values of a cookie of this name, in the order sent. */
export function cookiesNamed(request: IncomingMessage, name: string): string[] {
  return (request.headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
