/** Where a message of ours is, step by step, and since when; only what was confirmed counts as done. */
import type { Cause, Server, XrayStep } from "../interface/index.ts";
import type { z } from "zod";
import type { MessageRow } from "../store/messages-table.ts";
import { decodeCause } from "./causes.ts";

type Step = z.infer<typeof XrayStep>;

interface Way {
  own: string;
  theirs: string;
  peer: string;
  /** The link to their homeserver; undefined when they live on ours, or when there is none. */
  link: Server | undefined;
}

export function xrayOf(message: MessageRow, { own, theirs, peer, link }: Way): Step[] {
  if (message.mine === 0) return [done(message.receivedAt, `Received from ${peer} and decrypted here.`)];
  if (message.state === "read" && message.submittedAt === null)
    return [done(message.sentAt, "Kept on this engine only.")];
  const steps: [at: number | null, text: string, underWay: string][] = [
    [message.sentAt, "Encrypted and kept by this engine.", "Being encrypted by this engine."],
    [message.submittedAt, `On disk at your homeserver, ${own}.`, `On its way to your homeserver, ${own}.`],
    [
      message.forwardedAt,
      `On disk at their homeserver, ${theirs}.`,
      `On its way to their homeserver, ${theirs}.`,
    ],
    [message.deliveredAt, `${peer}'s engine has it.`, `Waiting for ${peer}'s engine to fetch it.`],
    [message.readAt, `${peer} has read it.`, `Waiting for ${peer} to read it.`],
  ];
  // A later confirmation proves the steps before it, whose own times may be unknown.
  const reached = steps.findLastIndex(([at]) => at !== null);
  const kept = decodeCause(message.cause);
  return steps.map(([at, sentence, underWay], index) => {
    if (index <= reached) return done(at, sentence);
    if (index > reached + 1) return { at: null, state: "pending", sentence };
    if (message.state === "failed")
      return { at: null, state: "failed", sentence: kept?.sentence ?? sentence };
    const cause = kept ?? (message.forwardedAt === null && index === 2 ? holdUp(link) : null);
    const waits = cause === null ? underWay : `${underWay} Waiting: ${cause.sentence}`;
    return { at: null, state: "now", sentence: waits };
  });
}

/** Why what lies in the outbox does not go on. */
function holdUp(link: Server | undefined): Pick<Cause, "sentence"> | null {
  if (link === undefined || link.state === "connected") return null;
  return link.cause ?? { sentence: "their homeserver is not reached; it is tried again by itself." };
}

function done(at: number | null, sentence: string): Step {
  return { at, state: "done", sentence };
}
