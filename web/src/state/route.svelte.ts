/** Which view is open, as the address says: `#/ask/<conversation>`, `#/history/<job>`, `#/wallet?to=...`. */

export const VIEWS = ["ask", "realm", "history", "wallet", "settings"] as const;
export type View = (typeof VIEWS)[number];

class Route {
  view = $state<View>("ask");
  /** The conversation or job, if one is named. */
  id = $state<string | undefined>();
  /** What follows a question mark, as it stands in the address. */
  query = $state("");
  /** The conversation that was open last, to come back to. */
  conversation = $state<string | undefined>();

  constructor() {
    addEventListener("hashchange", () => this.#read());
    this.#read();
  }

  #read(): void {
    const [path = "", ...query] = location.hash.split("?");
    const [, name, id] = path.split("/");
    this.view = VIEWS.find((view) => view === name) ?? "ask";
    this.id = id || undefined;
    this.query = query.join("?");
    if (this.view === "ask") this.conversation = this.id;
  }
}

export const route = new Route();

export function href(view: View, id?: string): string {
  return id ? `#/${view}/${id}` : `#/${view}`;
}

/** Whether the address names no view: the page was opened by its plain address. */
export function isPlain(): boolean {
  return location.hash === "";
}

export function go(view: View, id?: string): void {
  location.hash = href(view, id);
}
