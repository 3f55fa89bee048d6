/** What this person has chosen for the voice, kept in this browser. */

import { readSettings, type VoiceSettings } from "../lib/voice/settings";

const KEY = "mtor.voice";

class Preferences {
  voice = $state.raw<VoiceSettings>(readSettings(remembered()));

  change(some: Partial<VoiceSettings>): void {
    this.voice = readSettings({ ...this.voice, ...some });
    try {
      localStorage.setItem(KEY, JSON.stringify(this.voice));
    } catch {
      // A browser that stores nothing: the choice lasts as long as the page.
    }
  }
}

function remembered(): unknown {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

export const preferences = new Preferences();
