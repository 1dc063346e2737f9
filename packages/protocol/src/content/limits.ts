/** Bounds of message content; the first four are the MIMI content draft's. */

/** NestedParts inside each other, the message's own body included. */
export const partNestingMax = 4;
/** NestedParts in one message, all levels together. */
export const partsMax = 1_024;
/** A topic is a key to compare, not a text to read. */
export const topicBytesMax = 4_096;
/** An extension's value: tags, arrays and maps inside each other. The map of extensions is the first of 4 levels. */
export const extensionDepthMax = 3;

/** Fits with MLS framing, padding and signature into one envelope; larger content is an external part. */
export const contentBytesMax = 245_760;
/** Text keys of extensions (the draft's bound). */
export const extensionKeyBytesMax = 255;
/** Known extensions are a handful; every one is carried by every member's store. */
export const extensionsMax = 64;
/** Data items inside one extension's value, which is scanned and never built. */
export const extensionItemsMax = 4_096;
/** One report covers what a person read in one go; a longer list is several reports. */
export const statusEntriesMax = 1_024;
/** Sender and room URIs in a message id: their lengths are 16-bit. */
export const uriBytesMax = 65_535;
