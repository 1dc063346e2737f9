/** The screen's bounds, each with its reason. */

/** A page of history: about three screenfuls, so that scrolling rarely waits. */
export const pageMessages = 80;
/** Messages kept in one open conversation; beyond it the far end is dropped and fetched again when scrolled to. */
export const windowMessagesMax = 2_000;
/** Conversations whose messages stay in memory, so that switching back is instant. */
export const warmConversationsMax = 12;
/** One group of bubbles: the same sender within five minutes. */
export const groupGapMs = 5 * 60_000;
/** Trouble shorter than this is not worth a word. */
export const quietTroubleMs = 3_000;
/** First wait before connecting to the engine again. */
export const reconnectFirstMs = 250;
/** Longest wait: the engine runs on a machine nearby, so a person should not wait longer than this for it. */
export const reconnectMaxMs = 10_000;
/** The engine answers its greeting from memory; longer means that the socket leads nowhere. */
export const greetingTimeoutMs = 8_000;
/** A call may dial another server; after this the outcome is reported as unknown. */
export const callTimeoutMs = 60_000;
/** Calls on their way at once; a screen that reaches this is in a loop, and the next call is refused. */
export const callsOpenMax = 256;
/** How long typing rests before a draft is kept. */
export const draftDelayMs = 600;
/** How long typing rests before a search is asked. */
export const searchDelayMs = 180;
/** Search hits a page. */
export const searchHits = 40;
/** Message text, as the engine's interface bounds it. */
export const textMax = 65_536;
/** Characters of an unsent text that a tab keeps over a reload: a long paste whole, and several within the 5 MB of a tab. */
export const unsentKeptMax = 500_000;
/** Text of a chat request, as the engine's interface bounds it. */
export const requestTextMax = 300;
/** Request and link cards shown over the page at once; the others wait in their lists. */
export const cardsMax = 2;
/** How long a passing word (copied, kept) stays. */
export const toastMs = 4_000;
/** Width of the chat list, in CSS pixels: the bounds of the resize handle. */
export const listWidth = { min: 280, max: 360, usual: 312 } as const;

/** Looking at people beyond lasts two minutes at the engine; this says so in good time. */
export const lookEveryMs = 60_000;

/** How far directories, relaying and the map may lie behind what the homeserver knows; each asks for a small answer. */
export const networkPollMs = 4_000;

/** The doctor's findings come in over some seconds; asking for them costs one small answer. */
export const examinationPollMs = 700;
/** An open X-ray of a message on its way asks again this often. */
export const xrayRefreshMs = 5_000;

/** Between two questions to the homeserver who it is, while it does not answer. */
export const wellKnownWaitMs = 3_000;

/** Whoever pauses for so long has typed or pasted the whole of it. */
export const typingPauseMs = 300;
/** Between two questions to a homeserver that is not reached who may open an account there. */
export const termsAskedEveryMs = 5_000;

/** Name of a room, as the engine's interface bounds it. */
export const roomNameMax = 64;
/** People taken into a room when it is opened, as the engine's interface bounds it. */
export const roomPeopleChosenMax = 200;
/** From more people than this on a room's list has a search: so many are seen at a glance. */
export const roomPeopleAtAGlance = 12;
/** People of a room drawn at first; the rest on demand, so that a room of hundreds opens at once. */
export const roomPeopleDrawn = 60;

/** Between two looks at the camera's picture for a code: at once for a person, and little work. */
export const codeReadEveryMs = 200;

/** Between two questions which rooms are listed, while somebody looks: homeservers ask each other no oftener either. */
export const listedRoomsEveryMs = 15_000;

/** Lines of one call of an import, and how long they are together: a call has a megabyte. */
export const importBatchLines = 500;
export const importBatchCharacters = 600_000;
/** How far the shown state of the archive may lie behind. */
export const archivePollMs = 3_000;
