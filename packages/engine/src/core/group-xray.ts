/**
 * Where a message of ours to a room of many is: at which homeservers it is not yet, and whose engines have said that
 * they have it. What nobody confirmed is not told.
 */
import type { AccountId } from "@fedchat/protocol";
import type { XrayStep } from "../interface/index.ts";
import type { MessageRow } from "../store/messages-table.ts";
import { decodeCause } from "./causes.ts";

export interface GroupWay {
  own: string;
  /** Names of homeservers that it has not reached yet. */
  missing: string[];
  /** Everybody else in the room, by name, with what they confirmed. Who has not joined confirms nothing. */
  people: { name: string; joined: boolean; has: boolean; read: boolean }[];
  /** In a crowd nobody sends receipts. */
  givesReceipts: boolean;
}

export function groupXray(
  message: MessageRow,
  { own, missing, people: everybody, givesReceipts }: GroupWay,
): XrayStep[] {
  if (message.mine === 0)
    return [{ at: message.receivedAt, state: "done", sentence: "Received and decrypted here." }];
  const cause = decodeCause(message.cause);
  const why = cause === null ? "" : ` Waiting: ${cause.sentence}`;
  const where = missing.length === 0 ? "" : `On its way to ${missing.join(", ")}.`;
  const steps: Step[] = [
    { at: message.sentAt, isDone: true, done: "Encrypted and kept by this engine.", now: "" },
    {
      at: message.submittedAt,
      isDone: message.submittedAt !== null,
      done: `On disk at your homeserver, ${own}.`,
      now: `On its way to your homeserver, ${own}.${why}`,
    },
    {
      at: message.forwardedAt,
      isDone: message.forwardedAt !== null,
      done: "On disk at the homeservers of everybody in the room.",
      now: `${where}${why}`,
    },
  ];
  if (givesReceipts) {
    const people = everybody.filter(({ joined }) => joined);
    const invited = everybody.filter(({ joined }) => !joined).map(({ name }) => name);
    const later = invited.length === 0 ? "" : ` Not joined yet: ${listed(invited)}.`;
    const without = people.filter(({ has }) => !has).map(({ name }) => name);
    const unread = people.filter(({ read }) => !read).map(({ name }) => name);
    steps.push(
      {
        at: message.deliveredAt,
        isDone: people.length > 0 && without.length === 0,
        done: `Everybody's engine has it.${later}`,
        now:
          people.length === 0
            ? `Nobody has joined yet.${later}`
            : `${people.length - without.length} of ${people.length} engines have it. Waiting for ${listed(without)}.${later}`,
      },
      {
        at: message.readAt,
        isDone: people.length > 0 && unread.length === 0,
        done: "Everybody has read it.",
        now: `${people.length - unread.length} of ${people.length} have read it. Waiting for ${listed(unread)}.`,
      },
    );
  }
  return told(
    steps,
    message.state === "failed" ? (cause?.sentence ?? "It failed.") : undefined,
    cause?.fix ?? null,
  );
}

/** Of a message that was missing first. */
export function lateXray(
  { receivedAt, sender }: MessageRow,
  from: AccountId,
  names: { shown: (account: AccountId) => string },
): XrayStep[] {
  const [by, writer] = [names.shown(from), names.shown(sender)];
  const sentence =
    from === sender
      ? `It was missing here, and ${writer}'s FedChat sent it again. Its signature is right.`
      : `It was missing here. ${by} handed it on; ${writer}'s signature on it is right.`;
  return [{ at: receivedAt, state: "done", sentence }];
}

interface Step {
  at: number | null;
  isDone: boolean;
  done: string;
  now: string;
}

/** The first one that is not done is under way, or failed; what is behind it is to come. */
function told(steps: Step[], failed: string | undefined, fix: string | null): XrayStep[] {
  const first = steps.findIndex(({ isDone }) => !isDone);
  return steps.map((step, index): XrayStep => {
    if (step.isDone && (first === -1 || index < first))
      return { at: step.at, state: "done", sentence: step.done };
    if (index !== first) return { at: null, state: "pending", sentence: step.done };
    if (failed !== undefined)
      return { at: null, state: "failed", sentence: failed, ...(fix === null ? {} : { fix }) };
    return { at: null, state: "now", sentence: step.now };
  });
}

const namesShown = 5;

function listed(names: string[]): string {
  if (names.length <= namesShown) return names.join(", ");
  return `${names.slice(0, namesShown).join(", ")} and ${names.length - namesShown} others`;
}
