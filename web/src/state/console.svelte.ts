/** Everything behind the page, put together: wallet, session, jobs, conversations, the live realm. */

import { Api } from "../lib/api";
import { openDatabase } from "../lib/database";
import { COME_BACK_MS, ORDER_LIVES_MS } from "../lib/defaults";
import { thisDevice } from "../lib/device";
import type { RealmEvent } from "../lib/event";
import { openLogMemory } from "../lib/log_memory";
import { coins } from "../lib/money";
import { Session, SUBPROTOCOL, type Connection, type Socket } from "../lib/session";
import { signedOrder } from "../lib/signing";
import { t } from "../lib/strings";
import { NoWallet, openWallet, type Wallet, type WalletObstacle } from "../lib/wallet";
import type { Order, Submit } from "../lib/wire";
import { Conversations } from "./conversations.svelte";
import { Jobs } from "./jobs.svelte";
import { Live } from "./live.svelte";
import { LogWatch } from "./log_watch.svelte";
import { notices } from "./notices.svelte";
import { Plans } from "./plans.svelte";
import { phrases } from "./phrases.svelte";
import { Purse } from "./purse.svelte";
import { Quotes } from "./quotes";
import { go, isPlain } from "./route.svelte";
import { Safe } from "./safe.svelte";
import { Spending } from "./spending.svelte";
import { Starter } from "./starter.svelte";
import { Streams } from "./streams";
import { Timers } from "./timers.svelte";
import { Voice } from "./voice.svelte";
import { WalletKeys } from "./wallet_keys.svelte";

export class Console {
  connection = $state.raw<Connection>({ state: "connecting" });
  readonly api: Api;
  readonly jobs: Jobs;
  readonly plans: Plans;
  readonly conversations: Conversations;
  readonly live: Live;
  readonly log: LogWatch;
  readonly purse: Purse;
  readonly starter: Starter;
  readonly safe: Safe;
  readonly keys: WalletKeys;
  readonly spending: Spending;
  readonly timers: Timers;
  readonly voice: Voice;
  #streams: Streams;
  #session: Session;
  #caughtUp = false;
  /** Who else hears the events of a job: replays. */
  #replays = new Map<string, (event: RealmEvent) => void>();

  constructor(
    readonly wallet: Wallet,
    database: IDBDatabase | undefined,
  ) {
    this.api = new Api(location.origin, wallet);
    this.live = new Live(this.api);
    this.log = new LogWatch({
      source: this.api,
      memory: openLogMemory(),
      realm: async () => (this.live.info ?? (await this.api.realm())).did,
    });
    this.purse = new Purse(this.api);
    this.starter = new Starter(this.api, this.purse);
    this.timers = new Timers(this.api);
    this.safe = new Safe({ wallet, database, origin: location.origin, clockAheadMs: () => this.api.clockAheadMs });
    this.keys = new WalletKeys(this.api, wallet, location.origin);
    this.jobs = new Jobs({
      api: this.api,
      send: (type, data, subject) => this.#session.send(type, data, subject),
      sendFrame: (frame) => this.#session.sendFrame(frame),
      sign: (submit) => this.#sign(submit),
      onMoney: () => void this.purse.refresh(),
    });
    this.plans = new Plans({
      api: this.api,
      send: (type, data, subject) => this.#session.send(type, data, subject),
      watch: (job, hear) => this.watchAgain(job, hear),
      onMoney: () => void this.purse.refresh(),
    });
    this.conversations = new Conversations({
      api: this.api,
      database,
      jobs: this.jobs,
      plans: this.plans,
      workers: () => this.live.workers ?? [],
      onBell: (job) => this.voice.expect(job),
    });
    this.#streams = new Streams({
      send: (type, data, subject) => this.#session.send(type, data, subject),
      sendFrame: (frame) => this.#session.sendFrame(frame),
    });
    this.spending = new Spending(new Quotes(this.api, this.#streams));
    this.voice = new Voice({
      api: this.api,
      jobs: this.jobs,
      plans: this.plans,
      conversations: this.conversations,
      streams: this.#streams,
      workers: () => this.live.workers ?? [],
      report: (timing) => this.#session.send("mtor.voice.timing", timing),
    });
    this.#session = new Session({
      signer: wallet,
      device: thisDevice(),
      open: openSocket,
      onFrame: (frame) => {
        this.#streams.receiveFrame(frame);
        this.jobs.receiveFrame(frame);
      },
      onEvent: (event) => this.#receive(event),
      onConnection: (connection) => this.#connected(connection),
      onClock: (aheadMs) => (this.api.clockAheadMs = aheadMs),
    });
  }

  start(): void {
    void this.conversations.read().then(() => this.#comeBack());
    this.#session.start();
    void this.#wakeVoice();
    addEventListener("online", () => this.#session.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#session.retryNow();
      if (this.connection.state === "online") void this.log.lookIfDue();
    });
  }

  async #wakeVoice(): Promise<void> {
    this.voice.know(await phrases.read());
    await this.voice.comeBack();
  }

  /** Opened by its plain address soon after something was asked: the page shows that again. */
  #comeBack(): void {
    const [latest] = this.conversations.list;
    if (latest && isPlain() && Date.now() - latest.updated < COME_BACK_MS) go("ask", latest.id);
  }

  retryNow(): void {
    this.#session.retryNow();
  }

  /** Asks for all events of a job once more, past ones first; gives a function that ends it. */
  watchAgain(job: string, hear: (event: RealmEvent) => void): () => void {
    this.#replays.set(job, hear);
    this.#session.send("mtor.job.watch", { after: 0 }, job);
    return () => this.#replays.delete(job);
  }

  /** A job under this wallet's signature; nothing while no realm is there to ask. */
  async #sign(submit: Submit): Promise<Order | undefined> {
    if (this.connection.state !== "online") return undefined;
    const { timeout_ms, ...signed } = submit;
    const deadline = new Date(Date.now() + this.api.clockAheadMs + (timeout_ms ?? ORDER_LIVES_MS)).toISOString();
    return signedOrder(this.wallet, this.connection.realm, { ...signed, deadline });
  }

  #connected(connection: Connection): void {
    this.connection = connection;
    if (connection.state === "offline") {
      this.live.disconnected();
      this.#streams.disconnected();
    }
    if (connection.state !== "online") return;
    this.#streams.connected();
    this.jobs.resume();
    this.plans.resume();
    this.#session.send("mtor.realm.watch", {});
    void this.live.refresh();
    void this.timers.refresh();
    void this.log.lookIfDue();
    void this.#settleIn();
  }

  /** What is to be done with a fresh session: coins of a former wallet, the balance, find what was going on. */
  async #settleIn(): Promise<void> {
    const [came] = await Promise.all([this.safe.gather(), this.purse.refresh()]);
    if (came > 0n) {
      notices.say(t.keep.coinsCame(t.units.coins(coins(came))));
      await this.purse.refresh();
    }
    // Where the realm has coins for new wallets, its owner fills none.
    const mayFill = this.purse.low && this.starter.offered === undefined;
    if (mayFill || this.purse.problem?.status === 404) await this.purse.fill();
    if (this.#caughtUp) return;
    this.#caughtUp = await this.conversations.catchUp().then(
      () => true,
      () => false,
    );
  }

  #receive(event: RealmEvent): void {
    this.timers.receive(event);
    if (this.keys.receive(event) || this.live.receive(event) || this.jobs.receive(event) || this.plans.receive(event) || this.#streams.receive(event)) return;
    const replay = event.subject === undefined ? undefined : this.#replays.get(event.subject);
    if (replay) return replay(event);
    if (event.type === "mtor.error") notices.say(event.data.detail || event.data.title, "bad");
  }
}

function openSocket(): Socket {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const real = new WebSocket(address, SUBPROTOCOL);
  real.binaryType = "arraybuffer";
  const socket: Socket = {
    onmessage: null,
    onclose: null,
    send: (data) => real.send(data),
    close: () => real.close(),
  };
  real.onmessage = (message) => socket.onmessage?.(message);
  // A failure is followed by a close; that is where it is dealt with.
  real.onclose = () => socket.onclose?.();
  return socket;
}

/** The console, or why this browser can't have one. */
export async function openConsole(): Promise<Console | WalletObstacle> {
  try {
    const database = await openDatabase().catch(() => undefined);
    return new Console(await openWallet(database), database);
  } catch (error) {
    if (error instanceof NoWallet) return error.obstacle;
    throw error;
  }
}
