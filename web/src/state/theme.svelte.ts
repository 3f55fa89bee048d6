/** Light or dark: what the system says, unless the person chose. */

const KEY = "mtor.theme";
export type Choice = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: light)");

class Theme {
  #chosen = $state<Choice | undefined>(remembered());
  #system = $state<Choice>(system.matches ? "light" : "dark");

  constructor() {
    system.addEventListener("change", (change) => {
      this.#system = change.matches ? "light" : "dark";
      this.#show();
    });
    this.#show();
  }

  /** What the person chose, if anything. */
  get chosen(): Choice | undefined {
    return this.#chosen;
  }

  get current(): Choice {
    return this.#chosen ?? this.#system;
  }

  toggle(): void {
    const next = this.current === "light" ? "dark" : "light";
    // Back to what the system says anyway: then follow the system again.
    this.choose(next === this.#system ? undefined : next);
  }

  choose(choice: Choice | undefined): void {
    this.#chosen = choice;
    try {
      if (this.#chosen) localStorage.setItem(KEY, this.#chosen);
      else localStorage.removeItem(KEY);
    } catch {
      // A browser that stores nothing: the choice lasts as long as the page.
    }
    this.#show();
  }

  #show(): void {
    document.documentElement.dataset["theme"] = this.current;
    const bar = document.querySelector('meta[name="theme-color"]');
    bar?.setAttribute("content", this.current === "dark" ? "#0a0e13" : "#f4f1ea");
  }
}

function remembered(): Choice | undefined {
  try {
    const choice = localStorage.getItem(KEY);
    return choice === "light" || choice === "dark" ? choice : undefined;
  } catch {
    return undefined;
  }
}

export const theme = new Theme();
