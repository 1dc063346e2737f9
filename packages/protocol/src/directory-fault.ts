/** Why a homeserver is not registered with a directory, in words for people, with one thing to do. [D2] */
import type { DirectoryView } from "./client-methods.ts";
import { fromWireError, sentenceOf } from "./errors.ts";

/** Undefined where nothing is wrong. */
export function directoryFault({
  address: { host, port },
  error,
}: Pick<DirectoryView, "address" | "error">): { code: string; sentence: string; fix: string } | undefined {
  if (error === null) return undefined;
  const { code, message } = fromWireError(error);
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch (code) {
    case "not-allowed":
      return {
        code,
        sentence: "This directory lets nobody register without its token, and it was shown none or another.",
        fix: 'Ask whoever runs it for the token, and write it into fedchat.toml: directory_token = "…"',
      };
    case "wrong-server-key":
    case "server-key-changed":
      return {
        code,
        sentence:
          "Another key answers there than the one that belongs to this directory: it may not be the same any more.",
        fix: `Ask whoever runs it for its server id, and write that into fedchat.toml: directory = ["${place}/SERVERID"]`,
      };
    case "not-fedchat":
      return {
        code,
        sentence: "Something answers there that is no FedChat directory.",
        fix: "Correct the host and port of directory in fedchat.toml.",
      };
    case "unreachable":
      return {
        code,
        sentence: "Nothing answers there.",
        fix: "Check that it runs, and its host and port in fedchat.toml. It is tried again by itself.",
      };
    default: {
      const general = sentenceOf(code);
      return {
        code,
        sentence: message === general ? general : `${general} ${message}`,
        fix: "It is tried again by itself; if it stays, ask whoever runs the directory.",
      };
    }
  }
}
