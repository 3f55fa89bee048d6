/** Which view is open, as the address says: `#/ask/<conversation>`, `#/history/<job>`, `#/wallet?to=...`. */

import { LINK, type Link } from "../lib/handover";

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

  /** A link from another device by which this page was opened. */
  link = $state.raw<Link | undefined>();

  #read(): void {
    const [path = "", ...query] = location.hash.split("?");
    let [, name, id, key] = path.split("/");
    if (name === LINK && id && key) {
      this.link = { id, key };
      // Its key must not stay in the address, nor in the browser's history.
      history.replaceState(null, "", href("wallet"));
      [name, id] = ["wallet", undefined];
    }
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
