/** How much structure a decoder accepts before it builds anything. */
export interface CborLimits {
  /** Arrays and maps inside each other. */
  readonly depthMax: number;
  /** Data items in all: keys, values, elements, and the containers themselves. */
  readonly itemsMax: number;
}

/**
 * Our deepest structures stand ten deep; 16 leaves room for newer versions and keeps recursion shallow. The largest
 * lists have thousands of entries of a dozen items; the worst that 131,072 items can cost once built (each an empty
 * map) is some 30 MB for a moment, and the frame that carries them is bounded too.
 */
export const CBOR_LIMITS: CborLimits = { depthMax: 16, itemsMax: 131_072 };
