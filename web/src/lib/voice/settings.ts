/** How this person wants to be heard and spoken to. Kept by the browser, never sent anywhere. */

export const MODES = ["push", "wake", "always"] as const;
export type Mode = (typeof MODES)[number];

export interface VoiceSettings {
  mode: Mode;
  /** Whether the microphone was on when the page was last left. */
  listening: boolean;
  /** The language that is spoken, as a tag such as `de`; empty: whichever is heard. */
  language: string;
  /** A voice's id from the workers' offers; empty: the realm's choice. */
  voice: string;
  speed: number;
  volume: number;
  /** The id of the wake phrase: a built-in one, or one of the person's own. */
  phrase: string;
  /** How sure the ear must be, 0 to 1; nothing: the phrase's own measure. */
  threshold: number | undefined;
  followUpS: number;
  sounds: boolean;
  /** Typed questions are answered aloud too. */
  alwaysSpeak: boolean;
  /** Questions, spoken or typed, that may cost more than this many coins are asked about first; 0: never. */
  askAboveCoins: number;
}

export const VOICE_DEFAULTS: VoiceSettings = {
  mode: "wake", listening: false, language: "", voice: "", speed: 1, volume: 1, phrase: "computer", threshold: undefined,
  followUpS: 8, sounds: true, alwaysSpeak: false, askAboveCoins: 0,
};

/** The least and the most of every number. */
export const RANGES = {
  speed: [0.5, 2],
  volume: [0, 1],
  threshold: [0.05, 0.99],
  followUpS: [0, 30],
  askAboveCoins: [0, 1_000_000],
} as const satisfies Partial<Record<keyof VoiceSettings, readonly [number, number]>>;

/** Coins have six decimals; of everything else two are more than is felt. */
const DECIMALS: Record<keyof typeof RANGES, number> = { speed: 2, volume: 2, threshold: 2, followUpS: 2, askAboveCoins: 6 };

export function within(name: keyof typeof RANGES, value: number): number {
  const [least, most] = RANGES[name];
  const steps = 10 ** DECIMALS[name];
  return Math.min(most, Math.max(least, Math.round(value * steps) / steps));
}

/** Settings as they were kept; what is missing or makes no sense is as at first. */
export function readSettings(kept: unknown): VoiceSettings {
  const settings = { ...VOICE_DEFAULTS };
  if (typeof kept !== "object" || kept === null) return settings;
  const from = kept as Record<string, unknown>;
  for (const name of ["language", "voice", "phrase"] as const) {
    const text = from[name];
    if (typeof text === "string" && text.length <= 200) settings[name] = text;
  }
  for (const name of ["listening", "sounds", "alwaysSpeak"] as const) {
    const flag = from[name];
    if (typeof flag === "boolean") settings[name] = flag;
  }
  for (const name of Object.keys(RANGES) as (keyof typeof RANGES)[]) {
    const number = from[name];
    if (typeof number === "number" && Number.isFinite(number)) settings[name] = within(name, number);
  }
  settings.mode = MODES.find((mode) => mode === from["mode"]) ?? settings.mode;
  if (settings.phrase === "") settings.phrase = VOICE_DEFAULTS.phrase;
  return settings;
}
