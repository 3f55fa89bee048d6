/** Every limit and default of the console, in one place. */

/** Longest question, in bytes of UTF-8: below the realm's limit of 1 MiB for a frame, leaving room for the context. */
export const QUESTION_BYTES_MAX = 256 * 1024;
/** Earlier turns sent along when no worker has said how large its window is, in bytes. */
export const CONTEXT_BYTES_DEFAULT = 8 * 1024;
/** Most bytes of earlier turns, however large the window. */
export const CONTEXT_BYTES_MAX = 256 * 1024;
/** Of a model's window, in bytes per token: about half of it, so that the other half is left for the answer. */
export const CONTEXT_BYTES_PER_TOKEN = 2;
/** Most earlier messages sent along. */
export const CONTEXT_MESSAGES_MAX = 200;

/** The first wait after a lost connection, the longest one, and the growth between them. */
export const RETRY_MS_MIN = 400;
export const RETRY_MS_MAX = 15_000;
export const RETRY_GROWTH = 1.8;
/** How long the realm may take from the opened socket to its welcome. */
export const HANDSHAKE_MS_MAX = 10_000;
/** Event subscriptions that one page keeps alive at once. */
export const ACTIVE_JOBS_MAX = 64;

/** Below this the page asks the realm's owner for coins when it starts: one coin. */
export const LOW_BALANCE_MICRO = 1_000_000n;

/** New text is drawn at most this often. */
export const DRAW_MS = 33;
/** Finished answers kept in memory. */
export const ANSWERS_MAX = 400;
/** Jobs asked for per page of the history, and movements per page of the wallet. */
export const PAGE_SIZE = 30;
/** Jobs read to rebuild the conversations when this browser has forgotten them. */
export const REBUILD_JOBS_MAX = 24;
/** Conversations shown beside the page. */
export const RECENT_CONVERSATIONS = 12;
/** A page opened again within this time shows the last conversation: 30 minutes. */
export const COME_BACK_MS = 30 * 60_000;
/** How long typing must rest before the history is searched. */
export const SEARCH_REST_MS = 250;
/** Pages that one search reads while it finds nothing. */
export const SEARCH_PAGES_MAX = 10;

/** Steps of jobs kept for the log beside the realm's picture. */
export const FLOW_LOG_MAX = 40;
/** Jobs whose way through the realm is remembered. */
export const FLOW_JOBS_MAX = 200;
/** Sparks in the picture at once. */
export const SPARKS_MAX = 400;
/** Workers that get a place in the picture; the rest are counted. */
export const PICTURE_WORKERS_MAX = 8;
/** The longest replay of an answer, in milliseconds. */
export const REPLAY_MS_MAX = 12_000;
/** The longest pause in it, in milliseconds. */
export const REPLAY_GAP_MS_MAX = 400;
/** How long a short message stays, in milliseconds. */
export const NOTICE_MS = 7_000;
