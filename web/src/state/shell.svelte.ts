/** The page as an app: its shell is kept by a service worker, and a newer one is offered rather than forced. */

class Shell {
  /** A newer console is there and waits. */
  updateReady = $state(false);
  #waiting: ServiceWorker | undefined;

  /** Has the shell kept; where a browser allows none, the page works all the same. */
  async keep(): Promise<void> {
    if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
    const registration = await navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);
    if (!registration) return;
    this.#offer(registration.waiting);
    // The browser may have found it before this page asked.
    this.#watch(registration.installing);
    registration.addEventListener("updatefound", () => this.#watch(registration.installing));
    // A page that stays open for days should hear of it too.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void registration.update().catch(() => {});
    });
  }

  /** Shows the newer console. */
  load(): void {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    this.#waiting?.postMessage("take over");
  }

  #watch(coming: ServiceWorker | null): void {
    coming?.addEventListener("statechange", () => {
      // The first one ever replaces nothing.
      if (coming.state === "installed" && navigator.serviceWorker.controller) this.#offer(coming);
    });
  }

  #offer(worker: ServiceWorker | null): void {
    if (!worker) return;
    this.#waiting = worker;
    this.updateReady = true;
  }
}

export const shell = new Shell();
