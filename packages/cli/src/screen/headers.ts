/** The headers of everything that a browser gets from us. They hold even if a page had a hole: no foreign script, frame or form. */
import type { OutgoingHttpHeaders } from "node:http";

const common = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Frame-Options": "DENY",
} as const;

const closed = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

/** The screen: its own files, pictures made in the page, and the engine's socket on this port. */
export function screenHeaders(port: number): OutgoingHttpHeaders {
  const sockets = `ws://127.0.0.1:${port} ws://localhost:${port}`;
  return {
    ...common,
    "Content-Security-Policy":
      `default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; ` +
      `connect-src 'self' ${sockets}; form-action 'self'; ${closed}`,
  };
}

/** The screen on another device: as here, with its socket at the name that it was opened by, which was checked. */
export function remoteScreenHeaders(host: string): OutgoingHttpHeaders {
  return {
    ...common,
    "Content-Security-Policy":
      `default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; ` +
      `connect-src 'self' wss://${host}; form-action 'none'; ${closed}`,
  };
}

/** The page with an engine in its browser: everything of it, the homeserver's WebSocket included, is of this origin. */
export const appHeaders: OutgoingHttpHeaders = { ...common, "Content-Security-Policy": appPolicy("'self'") };

/** Its files: the engine's worker has a policy of its own, by which SQLite and libsodium may compile WebAssembly. */
export const appFileHeaders: OutgoingHttpHeaders = {
  ...common,
  "Content-Security-Policy": appPolicy("'self' 'wasm-unsafe-eval'"),
};

function appPolicy(scripts: string): string {
  return (
    `default-src 'none'; script-src ${scripts}; worker-src 'self'; connect-src 'self'; style-src 'self'; ` +
    `img-src 'self' data: blob:; font-src 'self'; form-action 'none'; ${closed}`
  );
}

/** The landing page of invitations, for strangers: it talks to nobody. */
export const landingHeaders: OutgoingHttpHeaders = {
  ...common,
  "Content-Security-Policy":
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; ` +
    `manifest-src 'self'; form-action 'none'; ${closed}`,
};

/** A page of ours without any script; `style` is the hash of its one style element. */
export function plainPageHeaders(style: string): OutgoingHttpHeaders {
  return {
    ...common,
    "Content-Security-Policy": `default-src 'none'; style-src '${style}'; form-action 'self'; ${closed}`,
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
  };
}
