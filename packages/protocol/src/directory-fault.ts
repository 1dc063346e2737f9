/** Why a homeserver is not registered with a directory, in words for people, with one thing to do. [D2] */
import type { DirectoryView } from "./client-methods.ts";
import type { Retry } from "./errors.ts";
import { fromWireError, sentenceOf } from "./errors.ts";

export interface DirectoryFault {
  code: string;
  sentence: string;
  fix: string;
  retry: Retry;
}

/** Undefined where nothing is wrong. */
export function directoryFault({
  address: { host, port },
  name,
  state,
  error,
}: Pick<DirectoryView, "address" | "name" | "state" | "error">): DirectoryFault | undefined {
  if (error === null && state === "connecting" && name !== "") {
    return {
      code: "not-registered",
      retry: "later",
      sentence: `${name} answers there and has not registered this server yet: it may be a homeserver, and no directory.`,
      fix: "If it stays, correct the host and port of directory in fedchat.toml.",
    };
  }
  if (error === null) return undefined;
  const { code, message, retry } = fromWireError(error);
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch (code) {
    case "not-allowed":
      return {
        code,
        retry,
        sentence: "This directory lets nobody register without its token, and it was shown none or another.",
        fix: 'Ask whoever runs it for the token, and write it into fedchat.toml: directory_token = "…"',
      };
    case "wrong-server-key":
    case "server-key-changed":
      return {
        code,
        retry,
        sentence:
          "Another key answers there than the one that belongs to this directory: it may not be the same any more.",
        fix: `Ask whoever runs it for its server id, and write that into fedchat.toml: directory = ["${place}/SERVERID"]`,
      };
    case "not-fedchat":
      return {
        code,
        retry,
        sentence: "Something answers there that is no FedChat directory.",
        fix: "Correct the host and port of directory in fedchat.toml.",
      };
    case "unreachable":
      return {
        code,
        retry,
        sentence: "Nothing answers there.",
        fix: "Check that it runs, and its host and port in fedchat.toml. It is tried again by itself.",
      };
    default: {
      const general = sentenceOf(code);
      return {
        code,
        retry,
        sentence: message === general ? general : `${general} ${message}`,
        fix: "It is tried again by itself; if it stays, ask whoever runs the directory.",
      };
    }
  }
}
