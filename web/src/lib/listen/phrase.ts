/** The wake word at the front of what was transcribed. */

/** A transcript without the phrase at its front: "Computer, what is ..." -> "what is ...". Alone it leaves nothing. */
export function withoutPhrase(transcript: string, phraseName: string): string {
  const words = phraseName.trim().split(/\s+/).filter(Boolean).map(escaped);
  if (words.length === 0) return transcript.trim();
  // Between and after the words stands whatever punctuation the transcriber liked; "hey" and "ok" before them go too.
  const gap = "[\\s\\p{P}]*";
  const front = new RegExp(`^${gap}(?:(?:hey|hi|ok|okay)${gap})?${words.join(gap)}(?![\\p{L}\\p{N}])${gap}`, "iu");
  return transcript.replace(front, "").trim();
}

function escaped(word: string): string {
  return word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
