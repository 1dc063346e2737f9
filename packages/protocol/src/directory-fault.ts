/** Why a homeserver is not registered with a directory, in words for people, with one thing to do. [D2] */
import type { DirectoryView } from "./client-methods.ts";
import type { ErrorCode, Retry } from "./errors.ts";
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
  if (error === null) {
    if (state !== "connecting" || name === "") return undefined;
    const sentence = `${name} answers there and has not registered this server yet: it may be a homeserver, and no directory.`;
    const fix = "If it stays, correct the host and port of directory in fedchat.toml.";
    return { code: "not-registered", sentence, fix, retry: "later" };
  }
  const { code, message, retry } = fromWireError(error);
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const words = faults[code]?.(place);
  if (words !== undefined) return { code, ...words, retry };
  const general = sentenceOf(code);
  const sentence = message === general ? general : `${general} ${message}`;
  const fix = "It is tried again by itself; if it stays, ask whoever runs the directory.";
  return { code, sentence, fix, retry };
}

const anotherKey = (place: string) => ({
  sentence:
    "Another key answers there than the one that belongs to this directory: it may not be the same any more.",
  fix: `Ask whoever runs it for its server id, and write that into fedchat.toml: directory = ["${place}/SERVERID"]`,
});

const faults: Partial<Record<ErrorCode, (place: string) => Pick<DirectoryFault, "sentence" | "fix">>> = {
  "not-allowed": () => ({
    sentence: "This directory lets nobody register without its token, and it was shown none or another.",
    fix: 'Ask whoever runs it for the token, and write it into fedchat.toml: directory_token = "…"',
  }),
  "wrong-server-key": anotherKey,
  "server-key-changed": anotherKey,
  "not-fedchat": () => ({
    sentence: "Something answers there that is no FedChat directory.",
    fix: "Correct the host and port of directory in fedchat.toml.",
  }),
  unreachable: () => ({
    sentence: "Nothing answers there.",
    fix: "Check that it runs, and its host and port in fedchat.toml. It is tried again by itself.",
  }),
};
