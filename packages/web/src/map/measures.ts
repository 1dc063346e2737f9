/** The drawing's measures, in CSS pixels. */

/** From the outermost ring to the edge: half a name on either side, a name below. */
export const edgePaddingPx = { x: 56, y: 40 } as const;
/** Between servers on one ring, so that a finger meets the right one. */
export const nodeSpacingPx = 30;
/** Rings beyond these would be too close to each other; what is farther stands on the last. */
export const ringsMax = 5;
/** Side by side on one ring where it is crowded. */
export const lanesMax = 4;
/** Servers in one drawing; more are counted. */
export const drawnServersMax = 200;
/** Side of the square that a sign of full size has for itself; with less room it is drawn smaller, to half at least. */
export const signRoomPx = 85;
export const signScaleMin = 0.5;
/** The corner with the zoom buttons, where no name is written. */
export const toolsPx = { width: 60, height: 150 } as const;
/** How near a finger or pointer must come. */
export const touchRadiusPx = 24;
/** A pointer that moved farther than this drags. */
export const dragFromPx = 6;
/** Names are cut to this many characters. */
export const labelCharactersMax = 18;
export const labelHeightPx = 16;
/** A character's width on average, of the bold letters in which linked servers are named. */
export const labelCharacterPx = 7.9;
export const zoomMax = 8;
/** One press of a zoom button. */
export const zoomStep = 1.5;
