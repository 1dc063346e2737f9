/**
 * The built screen, read into memory once: a request can name only what was there at start, whatever its path looks
 * like, and a later build does not change a running program.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";

interface ScreenFile {
  body: Buffer;
  headers: OutgoingHttpHeaders;
}

export interface ScreenFiles {
  /** The screen's page, as built. */
  index: string;
  /** By absolute URL path, such as `/assets/index-B1x.js`; pages are not among them. */
  assets: ReadonlyMap<string, ScreenFile>;
  /** The screen with an engine in the browser. */
  app: string;
  /** Where an invitation link lands. */
  landing: string;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
};

/** @param folder a finished build: `index.html`, `app.html`, `i.html`, `assets/` with content hashes in the names */
export function readScreenFiles(folder: string): ScreenFiles {
  const assets = new Map<string, ScreenFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined || entry.name.endsWith(".html")) continue;
    const path = join(entry.parentPath, entry.name);
    const url = `/${relative(folder, path).split(sep).join("/")}`;
    const forever = url.startsWith("/assets/");
    const headers = {
      "Content-Type": type,
      "Cache-Control": forever ? "public, max-age=31536000, immutable" : "no-cache",
    };
    assets.set(url, { body: readFileSync(path), headers });
  }
  const page = (name: string) => readFileSync(join(folder, name), "utf8");
  return { index: page("index.html"), app: page("app.html"), landing: page("i.html"), assets };
}

/** Answers GET and HEAD with `body`. */
export function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  body: string | Buffer,
  headers: OutgoingHttpHeaders,
  status = 200,
): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? undefined : body);
}

export const htmlHeaders = { "Content-Type": types[".html"]!, "Cache-Control": "no-store" } as const;

/** The path of a request's target, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split(/[?#]/, 1)[0]!;
}
