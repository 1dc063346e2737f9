/**
 * Why something failed or waits, in words for people: one sentence and one thing to do for every code. The codes of
 * the protocol are stable; the engine adds its own for what never crosses a wire.
 */
import type { ErrorCode, Retry } from "@fedchat/protocol";
import { ProtocolError, retryOf, sentenceOf } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import { StoreFullError } from "../store/database.ts";
import { EngineError } from "./engine-error.ts";

/** A call that cannot be done, for a reason that the person should hear. */
export function engineError(code: EngineCode, sentence?: string, fix?: string | null): EngineError {
  const cause = causeOfCode(code);
  const said = sentence === undefined ? cause : { ...cause, sentence };
  return new EngineError(fix === undefined ? said : { ...said, fix });
}

const own = {
  "no-account": ["never", "There is no account here yet.", "Open one first: it takes nothing but a name."],
  "account-exists": ["never", "This engine already has an account.", null],
  "bad-name": ["never", "This name cannot be used.", "Use letters and digits, without control characters."],
  "bad-text": ["never", "This text holds characters that cannot be sent.", "Remove them and try again."],
  "bad-token": ["never", "This registration token is not complete.", "Copy the whole token."],
  "other-server": [
    "never",
    "This invitation is for another homeserver.",
    "Open it in a browser, or run: fedchat chat --server LINK",
  ],
  "bad-account-invitation": [
    "never",
    "This is not a complete account invitation.",
    "Copy the whole link that the other homeserver's administrator gave you, from https to its end.",
  ],
  "lives-there": ["never", "Your account lives on this homeserver already.", null],
  "cannot-move-here": [
    "never",
    "An account cannot be moved from a browser: what runs here belongs to this homeserver.",
    "Link FedChat on a computer as a device and move with that; then sign in at the other homeserver in the browser.",
  ],
  "account-moved": [
    "never",
    "Your account lives on another homeserver now.",
    "Move this device, too: Settings, 'Move to another homeserver', with the same invitation.",
  ],
  "account-moved-away": [
    "never",
    "Your account lives on another homeserver now. What runs in this browser belongs to the former one and cannot follow.",
    "Open FedChat of the other homeserver in the browser and sign in there, then take this device off under Devices.",
  ],
  "bad-invitation": [
    "never",
    "This is not a complete invitation link.",
    "Copy the whole link, from https to its end.",
  ],
  "own-invitation": [
    "never",
    "This is your own invitation.",
    "Send it to the person whom you want to invite.",
  ],
  "own-server": [
    "never",
    "This is your own server.",
    "Give its line to the person whose server you want to link.",
  ],
  "not-nearby": [
    "later",
    "This server is not in the local network any more.",
    "Wait until it shows again, or link it by its address.",
  ],
  "unknown-person": [
    "later",
    "Nobody of that name is known here.",
    "Check the spelling, or link the person's server first.",
  ],
  ambiguous: [
    "never",
    "Several people have that name.",
    "Write the whole address, with the server behind @.",
  ],
  "no-screens": [
    "never",
    "No screens are served here.",
    "Ask the program that runs this engine's homeserver.",
  ],
  "bad-code": ["never", "This is not a code to verify somebody by.", "Read it from the other's screen."],
  "key-mismatch": [
    "never",
    "The keys are not the same on both sides.",
    "Do not trust this chat: ask the person over another way what happened.",
  ],
  "key-changed": [
    "never",
    "Another key answers at this address than the one of your contact.",
    "Compare the new key before you write to it.",
  ],
  "already-contact": ["never", "You already have a chat with this person.", "Open the chat."],
  "is-self": ["never", "This is you.", "Use 'Notes to self' for your own notes."],
  "you-blocked": ["never", "You have blocked this person.", "Unblock them first."],
  "unknown-room": ["never", "There is no such chat here.", null],
  "unknown-message": ["never", "There is no such message here.", null],
  "unknown-request": ["never", "There is no such request here.", null],
  "request-settled": ["never", "This request was already answered or taken back.", null],
  "in-room": ["never", "You are in this room already, or asked whether you join it.", "Open it."],
  "room-invited-only": [
    "never",
    "Only people who are taken in come into this room.",
    "Let people ask, or come in, under the room's details first.",
  ],
  "room-link": ["never", "This link leads into a room.", "Ask to be let into the room."],
  "not-a-room": ["never", "This chat is no room of many.", null],
  "not-a-contact": [
    "never",
    "Only people with whom you have a chat can be taken in.",
    "Ask for a chat first.",
  ],
  "no-keys-yet": [
    "later",
    "Their FedChat has not told yours yet how to take them in.",
    "Wait until both of you were online, or ask them to update FedChat.",
  ],
  "wrong-devices": [
    "later",
    "A homeserver gave a list of devices that its account never signed.",
    "Nobody is taken in by it, and it is tried again. Ask the person over another way, and whoever runs their server.",
  ],
  "room-rule": ["never", "The room's rules do not allow this.", "Ask an owner of the room."],
  "account-key-needed": [
    "never",
    "This device does not hold the account's key.",
    "Give the account's password, or do it on the device that opened the account.",
  ],
  "device-removed": [
    "never",
    "This device was removed from your account: your homeserver lists it no more.",
    "What it has stays readable here. To go on, start FedChat anew, with an empty data folder or in a fresh browser profile, and link that as a new device.",
  ],
  "device-unknown": ["never", "There is no such device of this account.", null],
  "device-self": ["never", "This is the device in front of you.", "Revoke it from another one."],
  "bad-device-code": ["never", "This is not a complete code.", "Copy the whole code, or read it again."],
  "device-code-over": ["never", "This code is not valid any more.", "Have the other device show a new one."],
  "room-left": ["never", "You left this room.", "Ask somebody in it to take you in again."],
  "room-removed": ["never", "You are not in this room any more.", "Ask somebody in it why."],
  "room-entering": [
    "later",
    "This device is not in this chat's encryption yet.",
    "It comes in by itself, and you can write then.",
  ],
  "room-healing": [
    "later",
    "Somebody who was taken out is in this room again for the moment.",
    "The FedChat of an owner or moderator takes them out again by itself. If nobody can, make a new room.",
  ],
  "written-apart": [
    "never",
    "The room went on without this: not everybody who is in it got it.",
    "It goes to them by itself once you are in the room again.",
  ],
  "not-joined": ["never", "You have not joined this room yet.", "Join it first."],
  "room-closed": ["never", "Nothing can be written in this chat any more.", "Ask for a new chat."],
  "room-broken": ["never", "This chat's encryption cannot go on.", "Ask for a new chat."],
  "room-replaced": [
    "never",
    "A newer chat with this person took this one's place.",
    "Write in the newer chat.",
  ],
  "room-from-file": [
    "never",
    "This chat came from a file of its history. Nothing can be written in it.",
    null,
  ],
  "room-restored": [
    "later",
    "This chat came back from your archive. Its keys were lost with the device that had them.",
    "Ask for a new chat. What was written stays here.",
  ],
  "bad-words": [
    "never",
    "These are not the words of a recovery kit: one of them is wrong, or they are not in their order.",
    "Compare them with the kit, one by one.",
  ],
  "kit-of-elsewhere": [
    "never",
    "The account of this kit does not live on this homeserver.",
    "Start FedChat where the account lived; the kit names that server. If that is lost for good, open the account here.",
  ],
  "no-kit": [
    "never",
    "This device does not hold the account key.",
    "Make the recovery kit on the device on which the account was opened.",
  ],
  "archive-damaged": [
    "never",
    "Your homeserver does not have all of your archive, or what it gave is not what your device wrote.",
    "Ask whoever runs it; a backup of it may have the rest.",
  ],
  "archive-full": [
    "later",
    "Your archive at the homeserver is full: what is new is kept on this device alone.",
    "Export your history, and ask whoever runs the homeserver for more space.",
  ],
  "history-back": [
    "never",
    "Your history came back.",
    "If you know of newer messages, your homeserver gave an old archive.",
  ],
  "never-sent": ["never", "This was not sent before its device was lost.", "Write it again."],
  "bad-history": [
    "never",
    "This is not a FedChat history, or a part of it is damaged.",
    "Choose the file history.jsonl of an export.",
  ],
  "nothing-to-retry": ["never", "This message does not need another try.", null],
  "too-much-waiting": [
    "later",
    "Too many messages wait to be sent.",
    "Wait until the homeserver is reached again.",
  ],
  "wrong-credential": [
    "never",
    "The encryption keys that came with the answer belong to somebody else.",
    "Ask the person over another way, then ask for a chat again.",
  ],
  "key-package-refused": [
    "never",
    "The keys that came with this request cannot be used any more.",
    "Ask them to send a new request.",
  ],
  "messages-missing": [
    "never",
    "A message could not be read and is missing.",
    "Ask for it to be sent again.",
  ],
  "inbox-moved": [
    "never",
    "Your homeserver's inbox was restored or lost items. Messages from that time may be missing.",
    "Ask in chats that show a gap.",
  ],
  "password-not-set": [
    "later",
    "Your account is open, but the password was not set.",
    "Set it in the settings.",
  ],
  "link-back-failed": [
    "later",
    "A person used your invitation, but their server could not be linked back.",
    "Use 'Link back' under Servers.",
  ],
  "disk-full": ["later", "The disk of this machine is full. Nothing was lost.", "Free some space."],
  unexpected: ["later", "Something unexpected happened here.", "Try again; if it stays, report it."],
} as const satisfies Record<string, readonly [Retry, string, string | null]>;

export type EngineCode = keyof typeof own;

/** What a person can do about each code of the protocol. */
const fixes: Record<ErrorCode, string | null> = {
  malformed: "Update both sides to the newest version.",
  "unsupported-version": "Update the older side.",
  "not-fedchat": "Check host and port, and a proxy's settings where there is one.",
  "wrong-server-key": "Check the server id with its owner before you go on.",
  "server-key-replaced":
    "The link goes on with the new key by itself. Where the owner knows nothing of it, block it.",
  "server-key-changed": "Ask the server's owner. If the change is right, unlink it and link it again.",
  "name-taken": "Give one of the two a local name.",
  "handshake-failed": "Try again; if it stays, check the server id.",
  unreachable: "Check that the machine is on and the address is right.",
  blocked: null,
  "not-linked": "Ask the other server's administrator to link back.",
  "not-allowed": "Ask the administrator of your homeserver.",
  "unknown-account": "Ask the person for their present address.",
  "unknown-server": "Link the server first.",
  "unknown-room": null,
  "unknown-method": "Update your homeserver.",
  "handle-taken": "Choose another name.",
  "registration-closed": "Ask the administrator for a registration token.",
  "wrong-credentials": "Check name and password.",
  "weak-password": "Take a longer one, or the suggested five words.",
  "rate-limited": "Wait a little.",
  superseded: "Close the other copy, then start this one again.",
  "restored-device": "Sign in again as a new device.",
  resync: null,
  conflict: "Try again.",
  "too-large": "Send less at once.",
  "quota-exceeded": "Ask the administrator for more space.",
  "storage-full": "Free space on the homeserver's disk.",
  expired: "Try again.",
  withdrawn: null,
  "not-found": null,
  internal: "Try again; if it stays, look at the homeserver's log.",
};

/** Codes whose details are written for people: an address that fails, the two fingerprints that differ. */
const detailed = new Set<ErrorCode>([
  "unreachable",
  "not-fedchat",
  "wrong-server-key",
  "server-key-changed",
  "server-key-replaced",
  "name-taken",
  "rate-limited",
  "storage-full",
]);

export function causeOf(error: unknown): Cause {
  if (error instanceof EngineError) return error.data;
  const full = error instanceof Error && !(error instanceof StoreFullError) ? error.cause : error;
  // The store knows where there is no room: on a disk, or in a browser.
  if (full instanceof StoreFullError)
    return { ...causeOfCode("disk-full"), sentence: `${full.message} Nothing was lost.` };
  if (!(error instanceof ProtocolError)) return causeOfCode("unexpected");
  const sentence = sentenceOf(error.code);
  const tellsMore = detailed.has(error.code) && error.message !== sentence;
  return {
    code: error.code,
    sentence: tellsMore ? `${sentence} ${error.message}` : sentence,
    fix: fixOf(error),
    retry: error.retry,
  };
}

/** Whoever was too fast is told for how long to wait, where the other side said it. */
function fixOf({ code, retryAfterMs }: ProtocolError): string | null {
  if (code !== "rate-limited" || retryAfterMs === undefined) return fixes[code];
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  if (seconds === 1) return "Try again in a second.";
  return seconds <= 120
    ? `Try again in ${seconds} seconds.`
    : `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}

/**
 * The same where a link with a server has no connection: what the server said is about us. What came in the clear is tried
 * again soon, and nobody need have said it.
 */
export function linkCause(error: ProtocolError): Cause {
  const cause = causeOf(error);
  const told = error.retry === "never" ? turnedAway[error.code] : undefined;
  return told === undefined || error.message !== sentenceOf(error.code) ? cause : { ...cause, ...told };
}

const turnedAway: Partial<Record<ErrorCode, Pick<Cause, "sentence" | "fix">>> = {
  blocked: {
    sentence: "They have blocked your server.",
    fix: "Ask its owner over another way whether that is meant. If it is, unlink it.",
  },
  "not-allowed": {
    sentence: "They let in only servers that their owner has chosen.",
    fix: "Give its owner your server's line, so that they link it.",
  },
};

export function causeOfCode(code: EngineCode | ErrorCode): Cause {
  if (isOwn(code)) {
    const [retry, sentence, fix] = own[code];
    return { code, sentence, fix, retry };
  }
  return { code, sentence: sentenceOf(code), fix: fixes[code], retry: retryOf(code) };
}

/** Causes as they lie in the store. */
export const encodeCause = (cause: Cause): string => JSON.stringify(cause);
export const decodeCause = (stored: string | null): Cause | null =>
  stored === null ? null : (JSON.parse(stored) as Cause);

function isOwn(code: string): code is EngineCode {
  return Object.hasOwn(own, code);
}
