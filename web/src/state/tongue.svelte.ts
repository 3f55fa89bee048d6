/** The language of the page: what the browser says, unless the person chose. */

import { LANGUAGES, languageOf, speakIn, type Language } from "../lib/strings";

const KEY = "mtor.language";

class Tongue {
  chosen = $state<Language | undefined>(remembered());
  #browser: Language = languageOf(navigator.languages ?? [navigator.language]);

  constructor() {
    this.#show();
  }

  get current(): Language {
    return this.chosen ?? this.#browser;
  }

  choose(language: Language | undefined): void {
    try {
      if (language) localStorage.setItem(KEY, language);
      else localStorage.removeItem(KEY);
    } catch {
      // A browser that stores nothing: the choice lasts as long as the page.
    }
    // The words first: what is drawn anew reads them.
    speakIn(language ?? this.#browser);
    this.chosen = language;
    this.#show();
  }

  #show(): void {
    speakIn(this.current);
    document.documentElement.lang = this.current;
  }
}

function remembered(): Language | undefined {
  try {
    const kept = localStorage.getItem(KEY);
    return kept !== null && kept in LANGUAGES ? (kept as Language) : undefined;
  } catch {
    return undefined;
  }
}

export const tongue = new Tongue();
