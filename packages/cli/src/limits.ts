/** Every bound of the command and the local screen, with the reason for its size. Units are in the names. */

/** One keyboard's worth of windows and forgotten tabs; the oldest session goes when there are more. */
export const screenSessionsMax = 64;
/** A browser that was not used for a month signs in again by `fedchat open`. */
export const screenSessionLifetimeMs = 30 * 86_400_000;
/** Writing the sessions' file for every page load would be waste: last use is kept to the day. */
export const screenSessionTouchMs = 86_400_000;
/** Long enough for a slow browser to start, short enough that a forgotten file opens nothing. */
export const openTokenLifetimeMs = 600_000;
/** `fedchat open` several times in a row: each file works until it is replaced so often. */
export const openTokensMax = 4;
/** A form with one token. */
export const sessionFormBytesMax = 4_096;
/** After this a connection that has not shown its session's secret is closed. */
export const sessionOpenWithinMs = 5_000;
/** Windows and tabs that are connected at once. */
export const screenConnectionsMax = 64;
/** Commands and scripts that are connected at once. */
export const controlConnectionsMax = 64;
/** What a reader may leave unread before its connection is given up: it connects again and asks for what it missed. */
export const unreadBytesMax = 16_777_216;
/** Finds screens that went to sleep. */
export const screenPingEveryMs = 30_000;
/** Phones, tablets and laptops of one person; more cannot be told apart in a list. */
export const pairedScreensMax = 32;
/** A screen elsewhere that was not used for so long is signed out: it may be lost. */
export const pairedScreenLifetimeMs = 60 * 86_400_000;
/** When a screen was last seen is kept on disk to the hour. */
export const pairedScreenTouchMs = 3_600_000;
/** The longest that browsers keep a cookie; whether it still opens anything is decided here. RFC 6265bis §5.5 */
export const screenCookieSeconds = 400 * 86_400;
/** Time to take up a phone, scan and type; short enough that a photographed code is soon worthless. */
export const pairingLifetimeMs = 600_000;
/** Links that work at once: one a device, and a few that were made by mistake. */
export const pairingLinksMax = 4;
/** Wrong passwords that one link takes: enough for slips, far too few for guessing. */
export const pairingPasswordsMax = 5;
/** Failed attempts from one network address within the time below; then it is refused unheard. */
export const pairingFailuresMax = 10;
export const pairingFailuresWithinMs = 600_000;
/** Addresses whose failures are remembered. */
export const pairingAddressesMax = 1_024;
/** A token, a password and a name. */
export const pairingBytesMax = 8_192;
/** Characters of a screen password. */
export const pairingTextMax = 1_024;
/** How long a browser may take to say goodbye before it is cut off; nothing that it sends meanwhile is heard. */
export const screenCutOffMs = 500;

/** A slow or silent HTTP client on loopback holds nothing for longer. */
export const httpRequestTimeoutMs = 15_000;

/** A default port that is taken: so many following ones are tried. */
export const portTriesMax = 50;
/** Logs are kept bounded: a larger file is begun anew at start. */
export const logBytesMax = 10_485_760;
/** How often people are told the same warning: all of them stand in the log. */
export const sameWarningEveryMs = 60_000;
/** A Unix socket's path must fit `sockaddr_un` (104 bytes on macOS, 108 on Linux, with its final zero). */
export const socketPathBytesMax = 100;
/** How long a command waits for the program to answer that it is there. */
export const controlConnectTimeoutMs = 5_000;
/** A program that is just starting answers within this. */
export const startingWaitMs = 10_000;
/** A call's answer; the engine's own waits are shorter. */
export const callTimeoutMs = 60_000;
/** An orderly end takes less; then the process ends anyway (everything acknowledged is on disk). */
export const closeTimeoutMs = 8_000;
/** Building the screen from its sources; more means that something hangs. */
export const screenBuildTimeoutMs = 120_000;

/** How long `send`, `link` and `request` wait for a state unless told otherwise. */
export const sendWaitMs = 30_000;
export const linkWaitMs = 12_000;
/** Between two tries to reach a program that restarts, while following it. */
export const followRetryMs = 1_000;
/** A page of messages read at once. */
export const historyPageMessages = 100;
export const sincePageMessages = 500;

/** A trial network on one machine: each is two threads and some 100 MB. */
export const networkServersMax = 26;
/** Between two looks whether one of its programs is up. */
export const networkPollMs = 200;
/** Of what such a program says the end is kept, where it says why it could not start. */
export const networkSaidCharactersMax = 4_000;
/** One of the trial network's programs is up within this, on a busy machine too. */
export const networkUpTimeoutMs = 60_000;
/** Probes of the doctor. */
export const probeTimeoutMs = 5_000;
/** A web page that answers in the place of a record. */
export const probeAnswerBytesMax = 131_072;
/** Signed records further ahead than a day are refused ([R3]): beyond this links fail. */
export const clockSkewMsMax = 86_400_000;
/** Times of messages look wrong from here on; no clock that is set by NTP is off by so much. */
export const clockSkewWarnMs = 60_000;
/** Clocks that are compared: enough to tell whose is wrong. */
export const clockServersAsked = 6;
/** Longer than our pings are apart (25 s), so that one has passed. */
export const proxyHoldMs = 27_000;
/** Links that the doctor tells of one by one. */
export const linksShownMax = 40;
/** Looked through for who holds a port: those of a busy machine. */
export const processesLookedAtMax = 8_192;
/** Below this the store soon has no room for its log; below the other a person should know. */
export const diskFreeBytesMin = 67_108_864;
export const diskFreeBytesWanted = 536_870_912;
/** How often a command asks how far the doctor is. */
export const examinationPollMs = 250;
/** The slowest check holds a connection for half a minute, after two dials. */
export const examinationTimeoutMs = 90_000;

/** Servers of one map, as the engine's interface bounds it. */
export const mapServersMax = 2_000;

/** An account invitation made where a homeserver runs alone serves for a week, as those of administrators' engines do. */
export const accountInvitationLifetimeMs = 7 * 86_400_000;
/** The port of homeservers that nobody named another one for. */
export const homeserverPort = 8_443;
/** Lines of one call of an import, and how long they are together: a call has a megabyte. */
export const importBatchLines = 500;
export const importBatchCharacters = 600_000;

/** Having moved an account, it is waited so long for the new homeserver's first session before it is said how it went. */
export const moveWaitMs = 15_000;
