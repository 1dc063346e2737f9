/** A page built by Vite and served on loopback, under the content security policy of our screen. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { build } from "vite";
import { screenHeaders } from "../../packages/cli/src/screen/headers.ts";

export interface BuiltPage extends AsyncDisposable {
  readonly url: string;
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Builds `root/index.html`; `more` are further answers by path, looked up at each request. */
export async function servePage(
  root: string,
  more: (path: string) => string | Uint8Array | undefined = () => undefined,
): Promise<BuiltPage> {
  const folder = mkdtempSync(join(tmpdir(), "fedchat-page-"));
  await build({
    root,
    configFile: false,
    logLevel: "error",
    worker: { format: "es" },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "esnext",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  const server = createServer((request, response) => {
    const asked = normalize(new URL(request.url ?? "/", "http://page").pathname);
    const path = asked === "/" ? "/index.html" : asked;
    const found = more(path) ?? fileIn(folder, path);
    const { port } = server.address() as AddressInfo;
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(found === undefined ? 404 : 200, { ...headersFor(port), "Content-Type": type });
    response.end(found);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The screen's headers, and nothing more than compiling WebAssembly, which libsodium is. */
function headersFor(port: number): ReturnType<typeof screenHeaders> {
  const headers = screenHeaders(port);
  const csp = String(headers["Content-Security-Policy"]);
  return {
    ...headers,
    "Content-Security-Policy": csp.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"),
  };
}

function fileIn(folder: string, path: string): Uint8Array | undefined {
  try {
    return readFileSync(join(folder, path));
  } catch {
    return undefined;
  }
}
