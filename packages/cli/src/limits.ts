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
/** One of the trial network's programs is up within this, on a busy machine too. */
export const networkUpTimeoutMs = 60_000;
/** Probes of the doctor. */
export const probeTimeoutMs = 5_000;
/** Signed records further ahead than a day are refused; well before that something is wrong with a clock. */
export const clockSkewMsMax = 300_000;
