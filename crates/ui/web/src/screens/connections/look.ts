/** How often what is on channels is looked at. */
export const LOOK_MS = 2_000;
/** Rows that are shown at first. */
export const LIST_STEP = 50;
/** Rows that the server tells at most. */
export const LIST_MAX = 500;
