/** Every bound of the store, with the reason for its size. Units are in the names. */

/** A page of the largest items stays under this; a shorter page than asked for is therefore not the end. */
export const pageBytesMax = 16_777_216;
/** Calls without an answer: sessions and links are bounded in number and each waits for its own; beyond this something loops. */
export const callsInFlightMax = 65_536;
/** A disk that has not answered for so long is not coming back; callers must not wait for ever. */
export const answerTimeoutMs = 120_000;
/** Checkpoints after this many pages (16 MiB): large enough that pages which many transactions touch are copied once, small enough that a checkpoint is no long pause. */
export const walPagesBeforeCheckpoint = 4_000;
/** The log shrinks back to this after a burst. */
export const walBytesKept = 67_108_864;
/** Pages held in memory (32 MiB): the upper levels of every index. */
export const cacheKibibytes = 32_768;
/** Another process that is just ending releases its lock within this. */
export const lockWaitMs = 1_000;
/** Up to this size the whole store is read and checked at start, which takes about a second; `doctor` checks larger ones. */
export const checkedAtStartBytesMax = 268_435_456;
