/**
 * One-time tokens that open a session in a browser. A token travels in a file that only its owner can read, or is typed
 * by the person; it never stands in a command line, where other users of the machine could read it. Works once, for ten
 * minutes.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { rmSync } from "node:fs";
import { openTokenLifetimeMs, openTokensMax } from "../limits.ts";
import { writeOwnerFile } from "../owner-files.ts";

export class OpenTokens {
  readonly #now: () => number;
  #tokens: { hash: Buffer; expires: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** 256 bits in base64url. */
  issue(): string {
    const token = randomBytes(32).toString("base64url");
    this.#tokens.push({ hash: sha256(token), expires: this.#now() + openTokenLifetimeMs });
    this.#tokens = this.#tokens.slice(-openTokensMax);
    return token;
  }

  /** Whether this token was good; it is not any more. */
  take(token: string): boolean {
    const hash = sha256(token);
    const good = this.#tokens.filter(({ hash: known, expires }) => {
      return timingSafeEqual(known, hash) && this.#now() < expires;
    });
    this.#tokens = this.#tokens.filter((known) => !timingSafeEqual(known.hash, hash));
    return good.length > 0;
  }
}

/** Writes the file that opens the screen at `address`. */
export function writeOpenFile(path: string, address: string, token: string): void {
  writeOwnerFile(
    path,
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Opening FedChat</title>
<style>body { font: 16px system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh }</style>
</head>
<body>
<form method="post" action="${address}/session">
<input type="hidden" name="token" value="${token}">
<button>Open FedChat</button>
</form>
<script>document.forms[0].submit()</script>
</body>
</html>
`,
  );
}

/** The file of a spent token is worth nothing: it goes. */
export function removeOpenFile(path: string): void {
  rmSync(path, { force: true });
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
