/** Every limit and default of the console, in one place. */

/** How long a question that is signed may wait for its answer, in milliseconds. */
export const ORDER_LIVES_MS = 600_000;
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

/** A quote with less time left than this is as good as run out: the job takes a moment to reach the realm. */
export const QUOTE_LEFT_MS_MIN = 1_000;
/** Below this the page asks the realm's owner for coins when it starts: one coin. */
export const LOW_BALANCE_MICRO = 1_000_000n;

/** Most memory that one try of a proof of work may take, in KiB, and most zero bits that it may ask for; as the realm's. */
export const WORK_MEMORY_KIB_MAX = 1 << 20;
export const WORK_ZERO_BITS_MAX = 40;
/** The thread that works tells how far it is at most this often, in milliseconds. */
export const WORK_TOLD_MS = 200;
/** How often starter coins are claimed, and worked for anew, before it is given up. */
export const CLAIM_TRIES = 5;
/** The longest wait before they are claimed again, when the realm is busy, in seconds. */
export const CLAIM_WAIT_S_MAX = 10;

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

/** A button pressed for less than this is a tap: the ear itself finds the end of what is said then. */
export const TAP_MS = 350;
/** The space bar held for so long in an empty field is such a button. */
export const HOLD_MS = 220;
/** A voice that lasts this long while the realm speaks is meant for the realm: it falls silent. */
export const BARGE_MS = 120;
/** Sound from before a voice was noticed that goes along: the beginning of its first word. */
export const PRE_ROLL_MS = 600;
/** After so many interruptions without a word, a voice alone does not interrupt this answer any more. */
export const VAIN_BARGES_MAX = 2;
/** Longest wait for the words of something said, and for what they mean. */
export const WORDS_MS_MAX = 30_000;
export const RESOLVE_MS_MAX = 5_000;
/** How long words that were hard to understand can be changed before they are asked. */
export const CONFIRM_MS = 3_500;
/** How long an answer to "which of these?" may take. */
export const CHOICE_MS = 20_000;
/** Below this mean probability of its words, or this one of any word, a transcript is not sure. */
export const SURE_MEAN_MIN = 0.6;
export const SURE_WORD_MIN = 0.25;
/** Of what was heard while the realm spoke, this part must be the realm's own words to be taken for an echo. */
export const ECHO_SHARE_MIN = 0.8;
/** A microphone that brings nothing but zeros for this long is not working. */
export const DEAF_MS = 4_000;
/** In push-to-talk the microphone is given back after this long without use. */
export const PUSH_KEEP_MS = 20_000;

/** Speech is played when so much of it is there, in seconds; and again after a gap. */
export const JITTER_S = 0.12;
/** Most speech waiting to be played, in seconds. More than ten minutes are the realm's mistake. */
export const PLAY_S_MAX = 600;
/** How fast speech gives way to a voice, in seconds, and how loud it is then: not at all, until it is known what the voice wants. */
export const DUCK_S = 0.015;
export const DUCK_GAIN = 0;
/** Most bytes of text in one frame of a speak job. */
export const SPEAK_FRAME_BYTES_MAX = 8 * 1024;
/** Samples of sound in one input frame: 96 ms. */
export const HEAR_FRAME_SAMPLES = 1536;
/** One step louder or quieter, and faster or slower. */
export const VOLUME_STEP = 0.2;
export const SPEED_STEP = 0.15;
/** How often a wake phrase of one's own is said to learn it. */
export const SAMPLES_FOR_PHRASE = 3;

/** Words in a recovery phrase; twelve hold 128 bits. */
export const PHRASE_WORDS = 12;
/** How many of them are asked for, to see whether they were written down. */
export const CHECKED_WORDS = 3;
/** Words offered for one that is not in the list. */
export const SUGGESTIONS_MAX = 3;
/** The shortest password of a backup file, in characters, and the longest, in bytes. */
export const PASSWORD_CHARS_MIN = 10;
export const PASSWORD_BYTES_MAX = 1024;
/** What a new backup file costs to open: 64 MiB, passed over three times. */
export const BACKUP_MEMORY_KIB = 64 * 1024;
export const BACKUP_PASSES = 3;
/** What a backup file may ask for, as in mtor-identity. */
export const BACKUP_MEMORY_KIB_MIN = 16 * 1024;
export const BACKUP_MEMORY_KIB_MAX = 256 * 1024;
export const BACKUP_PASSES_MAX = 16;
export const BACKUP_LANES_MAX = 4;
/** The largest file that can be a backup, in bytes. */
export const BACKUP_BYTES_MAX = 4096;

/** Longest word to a transfer, in characters. */
export const MEMO_CHARS_MAX = 200;
/** Days whose earnings are shown, and how many movements are read for them at most: pages, and movements in each. */
export const EARNINGS_DAYS = 30;
export const EARNINGS_PAGES_MAX = 10;
export const EARNINGS_PAGE_SIZE = 200;

/** How long after a look at the realm's log the next one is due: an hour. */
export const LOG_LOOK_MS = 60 * 60_000;
/** Realms whose logs this browser remembers; the one that was looked at longest ago makes room. */
export const LOGS_REMEMBERED_MAX = 16;

/** Media types of parts that are shown: what a browser shows and never runs. */
export const SHOWN_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml"]);
