/** The realm's HTTP interface, with every request that concerns a wallet signed by it. */

import { base64url, randomBytes } from "./bytes";
import { signedHeaders, type Signer } from "./signing";
import type {
  ApiKey, AttachRequest, Attachment, DeviceList, GrantInfo, GrantList, GrantRequest, Handover, HandoverTaken, JobInfo, JobPage, JobProofs, KeyStatement, MovementPage,
  PasskeyInfo, PasskeyRequest, PasskeySealed, Plan, PlanPage, PriceHistory, PriceInfo, Problem, QueueInfo, RealmInfo, Resolve, Resolved, StarterChallenge, StarterClaim, TransferRequest, WalletInfo,
  WalletKeysInfo, WorkerInfo,
} from "./wire";

/** What the realm answered instead of what was asked for; or, with status 0, that no answer came. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

export class Api {
  /** How far the realm's clock is ahead of ours, in milliseconds. */
  clockAheadMs = 0;

  constructor(
    private readonly origin: string,
    private readonly signer: Signer,
  ) {}

  realm = () => this.#get<RealmInfo>("/api/realm", {}, false);
  queue = () => this.#get<QueueInfo>("/api/queue", {}, false);
  prices = () => this.#get<PriceInfo[]>("/api/prices", {}, false);
  /** Minute by minute for one day, a point in a quarter of an hour for more. */
  priceHistory = (days: number) => this.#get<PriceHistory[]>("/api/prices/history", { days }, false);
  workers = () => this.#get<WorkerInfo[]>("/api/workers", {}, false);

  /** The newest checkpoint of the realm's log: a signed note. */
  checkpoint = async () => (await this.#fetch("/log/checkpoint")).text();
  /** A tile of the log, or nothing when it has none there. */
  tile = async (path: string): Promise<Uint8Array | undefined> => {
    const response = await this.#fetch(`/log/tile/${path}`, 404);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  };

  /** Has a tool used, and gives the job as it stands a minute later at most. */
  use = (capability: string, params: Record<string, unknown>) =>
    this.#ask<JobInfo>("POST", "/api/jobs?wait=60", { intent: { capability, params } });
  cancelJob = (id: string) => this.#ask<JobInfo>("DELETE", `/api/jobs/${id}`);
  plan = (id: string) => this.#get<Plan>(`/api/plans/${id}`);
  plans = (page: { before?: string; limit?: number }) => this.#get<PlanPage>("/api/plans", page);

  /** Services that are attached by their address. Not signed: at home, that is the owner's. */
  attachments = () => this.#get<Attachment[]>("/api/attachments", {}, false);
  attach = (request: AttachRequest) => this.#ask<Attachment>("POST", "/api/attachments", request, false);
  detach = (id: string) => this.#ask<Attachment[]>("DELETE", `/api/attachments/${encodeURIComponent(id)}`, undefined, false);

  job = (id: string) => this.#get<JobInfo>(`/api/jobs/${id}`);
  /** A part of an answer that is no text. */
  part = async (id: string, number: number): Promise<Blob> => {
    const response = await this.#send("GET", new URL(`/api/jobs/${id}/parts/${number}`, this.origin), "", true);
    if (response.ok) return response.blob();
    throw await refusal(response);
  };
  /** Proofs of what the journal says of a job, with the words of question and answer in them. */
  proofs = (id: string) => this.#get<JobProofs>(`/api/jobs/${id}/proofs`, { reveal: "true" });
  /** What words mean: which capability, or which word that steers. */
  resolve = (asked: Resolve) => this.#ask<Resolved>("POST", "/api/resolve", asked);
  wallet = () => this.#get<WalletInfo>(this.#wallet());
  jobs = (page: { before?: string; limit?: number; q?: string }) => this.#get<JobPage>(this.#wallet("/jobs"), page);
  movements = (page: { before?: number; limit?: number }) =>
    this.#get<MovementPage>(this.#wallet("/movements"), page);
  transfer = (transfer: TransferRequest) => this.#ask<WalletInfo>("POST", "/api/transfers", transfer);

  /** Asks the realm's owner to fill this wallet up. */
  welcome = () => this.#ask<WalletInfo>("POST", this.#wallet("/welcome"), undefined, false);

  /** The work that this wallet has to do for its starter coins, and the claim once it is done. */
  starterChallenge = () => this.#get<StarterChallenge>(this.#wallet("/starter"));
  claimStarter = (claim: StarterClaim) => this.#ask<WalletInfo>("POST", this.#wallet("/starter"), claim);

  /** Leaves something sealed for another device; `take` fetches it, once. */
  leave = (sealed: string) => this.#ask<Handover>("POST", "/api/handovers", { sealed });
  take = (id: string) => this.#ask<HandoverTaken>("POST", `/api/handovers/${encodeURIComponent(id)}/take`);

  keys = () => this.#get<ApiKey[]>(this.#wallet("/keys"));
  makeKey = (name: string, grant?: string) =>
    this.#ask<ApiKey>("POST", this.#wallet("/keys"), grant ? { name, grant } : { name });
  revokeKey = (id: string) => this.#ask<ApiKey[]>("DELETE", this.#wallet(`/keys/${id}`));

  /** How a wallet's keys stand: this one's, or that of another name of it. */
  walletKeys = (did = this.signer.did) => this.#get<WalletKeysInfo>(`/api/wallets/${did}/recovery`);
  changeKeys = (statement: KeyStatement) => this.#ask<WalletKeysInfo>("POST", "/api/keys", statement);

  /** Where this wallet is in use. */
  devices = () => this.#get<DeviceList>(this.#wallet("/devices"));

  passkeys = () => this.#get<PasskeyInfo[]>(this.#wallet("/passkeys"));
  keepUnder = (passkey: PasskeyRequest) => this.#ask<PasskeyInfo[]>("POST", this.#wallet("/passkeys"), passkey);
  forgetUnder = (id: string) => this.#ask<PasskeyInfo[]>("DELETE", this.#wallet(`/passkeys/${id}`));
  /** What a passkey has sealed, of whichever wallet. */
  sealedUnder = (id: string) => this.#get<PasskeySealed>(`/api/passkeys/${id}`);

  grants = () => this.#get<GrantList>(this.#wallet("/grants"));
  giveGrant = (grant: GrantRequest) => this.#ask<GrantInfo>("POST", this.#wallet("/grants"), grant);
  takeGrantBack = (id: string) => this.#ask<GrantList>("DELETE", this.#wallet(`/grants/${id}`));

  #wallet(rest = ""): string {
    return `/api/wallets/${this.signer.did}${rest}`;
  }

  #get<T>(path: string, query: Record<string, string | number | undefined> = {}, signed = true): Promise<T> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return this.#ask<T>("GET", text ? `${path}?${text}` : path, undefined, signed);
  }

  /** What is open to everybody and no JSON. Always as it is now: the log is compared with what it was. */
  async #fetch(path: string, also?: number): Promise<Response> {
    const response = await fetch(new URL(path, this.origin), { cache: "no-store" }).catch(() => {
      throw new ApiError(problem(0, "The realm does not answer", ""));
    });
    if (response.ok || response.status === also) return response;
    throw new ApiError(problem(response.status, response.statusText, ""));
  }

  async #ask<T>(method: string, path: string, data?: unknown, signed = true): Promise<T> {
    const url = new URL(path, this.origin);
    const body = data === undefined ? "" : JSON.stringify(data);
    const response = await this.#send(method, url, body, signed);
    const answer: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
    if (answer !== undefined) return answer as T;
    throw await refusal(response);
  }

  async #send(method: string, url: URL, body: string, signed: boolean): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (signed) {
      const parts = { method, authority: url.host, path: url.pathname, query: url.search, body };
      const now = Math.floor((Date.now() + this.clockAheadMs) / 1000);
      Object.assign(headers, await signedHeaders(this.signer, parts, now, base64url(randomBytes(16))));
    }
    return fetch(url, { method, headers, body: body || undefined, cache: "no-store" }).catch(() => {
      throw new ApiError(problem(0, "The realm does not answer", ""));
    });
  }
}

/** Why the realm says no. */
async function refusal(response: Response): Promise<ApiError> {
  const answer: unknown = await response.json().catch(() => undefined);
  return new ApiError(isProblem(answer) ? answer : problem(response.status, response.statusText, ""));
}

export function problem(status: number, title: string, detail: string): Problem {
  return { type: "about:blank", title, status, detail };
}

/** The problem behind anything that was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return problem(0, error instanceof Error ? error.message : String(error), "");
}

/** The stable last part of a problem's type: `no-worker`. */
export function problemSlug(of: Problem): string {
  return of.type.replace("urn:mtor:problem:", "");
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "type" in value && "title" in value && "status" in value;
}
