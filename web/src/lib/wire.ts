// Generated from crates/mtor-protocol/schema/mtor.schema.json by `npm run wire`. Do not edit.

/** The data of `mtor.job.accepted`. */
export interface Accepted {
  /** When the realm gives up. */
  deadline: Timestamp;
  /** What is held of the balance until it is done: the most that it can cost. */
  hold: Micro;
}

/** account id */
export type AccountId = string;

/** The data of `mtor.worker.announce`: what a worker offers. A second announcement replaces the first. */
export interface Announcement {
  /** What people call this worker. */
  name: string;
  /** What it can do. */
  offers: CapabilityOffer[];
  /** Program and version, for the sysop. */
  software?: string;
}

/** The shape that an answer shall have. */
export type AnswerFormat = "json_object" | {
  json_schema: Record<string, never>;
};

/** An API key. The secret is shown once, when it is made. */
export interface ApiKey {
  /** When it was made. */
  created: Timestamp;
  /** The grant that it spends from, if not from the wallet. */
  grant?: JobId | null;
  /** Its public name. */
  id: JobId;
  /** What it is for. */
  name: string;
  /** The secret, only in the answer that makes it. */
  secret?: string | null;
}

export type ApiKeyList = ApiKey[];

/** The data of `mtor.job.assigned`. */
export interface Assigned {
  /** 1 for the first worker, 2 for the one after it, and so on. */
  attempt: number;
  /** The worker's key. */
  did: Did;
  /** The model that it runs. */
  model: string;
  /** The worker's name. */
  worker: string;
}

/** The body of `POST /api/attachments`. */
export interface AttachRequest {
  /** Where the service is: `http://127.0.0.1:11434`, or `tcp://attic:10300` for one that speaks Wyoming. */
  address: string;
  /**
   * The service's key, if it wants one. It stays on the realm's machine, in a file of the owner's alone, and is never
   * given out again.
   */
  key?: string | null;
}

/** A service that is attached. */
export interface Attachment {
  /** Where it is. */
  address: string;
  /** What names it here, and its worker: `ollama`, `comfyui-2`. */
  id: string;
  /** Whether a key is kept for it. */
  keyed?: boolean;
  /** What it is, for people: `Ollama`. */
  service: string;
  /** What its worker said last, when that is a problem. */
  trouble?: string | null;
}

export type AttachmentList = Attachment[];

/** How the input frames of a [`TranscribeTask`] are to be read. */
export type AudioSource = "file" | "pcm";

/** How much was listened to. */
export interface AudioUsage {
  /** Seconds, as billed. */
  seconds: number;
  /** `duration`. */
  type: string;
}

/** The data of `mtor.worker.beat`: still here; and how fast by now. */
export interface Beat {
  /** Measured speed of the first offer, in tokens per second for one job. */
  tokens_per_s?: number | null;
}

/** How it was understood. */
export type By = "rules" | "examples" | "fallback";

/** A tool that the model may call. Whoever asks runs it, and brings the result in the next request. */
export interface CallableTool {
  /** What it is good for, for the model. */
  description?: string;
  /** Its name: 1 to 64 letters, digits, `_` and `-`, and dots. */
  name: string;
  /** The JSON schema of its arguments: an object. */
  parameters?: Record<string, never>;
}

/** What is called, with what. */
export interface CalledFunction {
  /** Its arguments: an object, as a text of JSON. */
  arguments: string;
  /** The function. */
  name: string;
}

/** The data of `mtor.job.cancel`. */
export type Cancel = Record<string, never>;

/** The data of `mtor.job.cancelled`. */
export interface Cancelled {
  /** What the text delivered so far cost. */
  cost: Micro;
}

/** chat, embed, ..., tool.NAME */
export type CapabilityKind = string;

/** One capability that a worker offers, with its model, limits, slots and price. */
export interface CapabilityOffer {
  /** What it can do beside the capability itself. */
  can?: Needs;
  /** What it can do. */
  capability: CapabilityKind;
  /** How many realms stand between the one that offers it and who does it: for peers that hand on what their peers offer. */
  hops?: number;
  /** The languages that it understands or speaks, as in ISO 639-1; empty when that is of no account. */
  languages?: string[];
  /** What it can take. */
  limits?: OfferLimits;
  /** With which model. */
  model: string;
  /** How many parameters its model has, by which the realm tells how large it is. */
  parameters?: number | null;
  /** What it asks; nothing, when it is content with any price. */
  price?: Price;
  /** How many jobs at once. */
  slots: number;
  /** How fast it writes, measured by itself, in tokens per second for one job. */
  tokens_per_s?: number | null;
  /** What the tool is, if it is one: workers that offer `tool.NAME` say how to use it. */
  tool?: ToolInfo | null;
  /** The voices that it speaks with; the first is its own choice. */
  voices?: VoiceInfo[];
}

/** One capability's queue. */
export interface CapabilityQueue {
  /** Which. */
  capability: CapabilityKind;
  /** Jobs that wait. */
  queued: number;
  /** Jobs that run. */
  running: number;
  /** Slots granted by all workers. */
  slots: number;
}

/** What can be done about a case. */
export type CaseAction = "appeal" | "pardon" | "uphold";

/** One of the answers that were compared. */
export interface CaseAnswer {
  /** The job. */
  job: JobId;
  /** SHA-256 of the answer, as long as it is kept. */
  output?: Digest | null;
  /** The answer itself, as long as it is kept: the sysop sees each, a worker its own. In a list it is left out. */
  text?: string | null;
  /** What was shown about it. */
  verdict: Verdict;
  /** The account of the worker that gave it. */
  worker: AccountId;
}

/** An answer that was proven wrong, as long as it is not decided what becomes of the pay that was held back. */
export interface CaseInfo {
  /** What is at stake: all that was held back then. */
  amount: Micro;
  /** The answers that were compared, the client's first. */
  answers: CaseAnswer[];
  /** When the worker objected; absent when it has not. */
  appealed?: Timestamp | null;
  /** What was asked of. */
  capability: CapabilityKind;
  /** Salted commitment to the answers that were compared. */
  evidence: Digest;
  /** The job of which it is the answer. */
  job: JobId;
  /** When it is lost, if nobody decides before. */
  over: Timestamp;
  /** Of how many payments. */
  payments: number;
  /** When it was proven. */
  proven: Timestamp;
  /** The account of the worker. */
  worker: AccountId;
}

export type CaseList = CaseInfo[];

/** `POST /api/trust/{job}`: what becomes of a case. */
export interface CaseRequest {
  /** What is to be done. */
  action: CaseAction;
}

/** The data of `mtor.session.challenge`. */
export interface Challenge {
  /** The answer must come before this. */
  expires: Timestamp;
  /** 32 random bytes, base64url. */
  nonce: string;
  /** The realm that asks. */
  realm: Did;
}

/** The one choice. */
export interface ChatChoice {
  /** A piece of it, when streamed. */
  delta?: ResponseMessage | null;
  /** Null until the end, then `stop`, `length` or `tool_calls`. */
  finish_reason?: ChatFinish | null;
  /** Always 0. */
  index: number;
  /** The whole message, unless streamed. */
  message?: ResponseMessage | null;
}

/** The answer of `POST /v1/chat/completions`, and each event of its stream. */
export interface ChatCompletion {
  /** One choice; none in the event that carries the usage. */
  choices: ChatChoice[];
  /** Seconds since the Unix epoch. */
  created: number;
  /** `chatcmpl-` and the job's id. */
  id: string;
  /** The model. */
  model: string;
  /** `chat.completion`, or `chat.completion.chunk`. */
  object: string;
  /** What was used. */
  usage?: TokenUsage | null;
}

/** The body of `POST /v1/chat/completions`. */
export interface ChatCompletionRequest {
  /** See [`ChatTask`]. */
  frequency_penalty?: number | null;
  /** Workers don't tell how likely their words were, so this must be false. */
  logprobs?: boolean | null;
  /** The newer name of `max_tokens`. */
  max_completion_tokens?: number | null;
  /** Most tokens to write. */
  max_tokens?: number | null;
  /** The conversation. */
  messages: RequestMessage[];
  /** A model's name, or `default`. */
  model: string;
  /** Only 1 is possible here. */
  n?: number | null;
  /** See [`ChatTask`]. */
  presence_penalty?: number | null;
  /** The shape of the answer: `text`, `json_object` or `json_schema`. */
  response_format?: ResponseFormat | null;
  /** See [`ChatTask`]. */
  seed?: number | null;
  /** One stop string, or several. */
  stop?: OneOrMany | null;
  /** Whether to stream server-sent events. */
  stream?: boolean;
  /** What else to stream. */
  stream_options?: StreamOptions | null;
  /** See [`ChatTask`]. */
  temperature?: number | null;
  /** `auto`, `none`, `required`, or the function to call. */
  tool_choice?: FunctionChoice | null;
  /** Functions that the model may call. */
  tools?: FunctionTool[] | null;
  /** The same. */
  top_logprobs?: number | null;
  /** See [`ChatTask`]. */
  top_p?: number | null;
}

/** Why an answer ends, in this interface's words. */
export type ChatFinish = "stop" | "length" | "tool_calls";

/** One message of a conversation. */
export interface ChatMessage {
  /** The call that this is the result of, in a message of a tool. */
  call_id?: string | null;
  /** What the assistant called in it. */
  calls?: ToolCall[];
  /** What was said. */
  content: string;
  /** The pictures that were shown with it. */
  pictures?: Picture[];
  /** Who said it. */
  role: Role;
}

/** Write the next message of a conversation. The whole conversation comes with it: the realm keeps no session. */
export interface ChatTask {
  format?: AnswerFormat | null;
  frequency_penalty?: number | null;
  max_tokens?: number | null;
  messages?: ChatMessage[];
  /** The pictures that the prompt is about. */
  pictures?: Picture[];
  presence_penalty?: number | null;
  /** Short for one message of the user. */
  prompt?: string | null;
  seed?: number | null;
  stop?: string[];
  temperature?: number | null;
  tool_choice?: ToolChoice;
  tools?: CallableTool[];
  top_p?: number | null;
}

/** One thing that may have been meant. */
export interface Choice {
  /** What would do it. */
  capability: CapabilityKind;
  /** What to submit for it, when it is something for a tool. */
  intent?: Intent | null;
  /** What it is called on a button, and what the speaker may answer. */
  say: string;
  /** What is left for it. */
  text: string;
}

/** The data of `mtor.job.chunk`. */
export interface Chunk {
  /**
   * Where the piece belongs in the whole answer, in bytes of UTF-8. A reader that holds more than this cuts its
   * text here first: after a crash of the broker a few words may be written anew.
   */
  offset: number;
  /** The piece. */
  text: string;
  /** Tokens in it. */
  tokens: number;
}

/** How a service class stands against its goal. */
export interface ClassInfo {
  /** Which. */
  class: ServiceClass;
  /** How soon a job of it should begin to be answered, in milliseconds. */
  goal_ms: number;
  /**
   * The performance index, in thousandths: how long they waited for the first word on average, divided by the goal. Up to
   * 1,000 the goal is met.
   */
  index_permille?: number | null;
  /** How many jobs of late the following rests on; what is ten minutes old counts half. */
  jobs: number;
  /** Of those that are not answered yet, so many are past the goal. */
  late: number;
  /** How long the oldest of those has been waiting for its answer, in milliseconds. */
  oldest_ms?: number | null;
  /** Jobs of it that wait for a worker. */
  queued: number;
  /** Jobs of it that a worker has. */
  running: number;
  /** The share of them that began to be answered within the goal, in percent; absent when there were none. */
  within_percent?: number | null;
}

/** The data of `mtor.job.completed`. */
export interface Completed {
  /** What it cost. */
  cost: Micro;
  /** Why the answer ends. */
  finish: FinishReason;
  /** Whether the realm remembered the answer, and no worker was asked. */
  from_memory?: boolean;
  /** SHA-256 of the whole answer. */
  output: Digest;
  /** When. */
  settled: Timestamp;
  /** What was used. */
  usage: Usage;
}

/** A part of a message. */
export interface ContentPart {
  /** The picture. */
  image_url?: ImageUrl | null;
  /** The text. */
  text?: string | null;
  /** `text` or `image_url`. */
  type: string;
}

/** A word to the realm itself, rather than something to be done. */
export type Control = "stop" | "repeat" | "continue" | "louder" | "quieter" | "slower" | "faster" | "cancel" | "goodbye" | "mute" | "help" | "yes" | "no";

/** A device of a wallet, as it calls itself. Nothing proves it. */
export interface Device {
  /** What tells it from the others; it keeps it. */
  id: string;
  /** For people. */
  name: string;
}

/** A device on which a wallet is, or was, in use. */
export interface DeviceInfo {
  /** What tells it from the others. */
  id: string;
  /** What it calls itself. */
  name: string;
  /** When it last opened or ended a session. */
  seen: Timestamp;
  /** How many sessions it has open; 0 when it is not here. */
  sessions: number;
  /** When it was first seen. */
  since: Timestamp;
}

/** `GET /api/wallets/{did}/devices`: where a wallet is in use. All of them have its key. */
export interface DeviceList {
  /** Who is here first, then who was here last. */
  devices: DeviceInfo[];
  /** Since when the realm has looked: it remembers devices for as long as it runs. */
  since: Timestamp;
}

/** Who somebody is: `did:key:z6Mk...`, an Ed25519 public key by its name. Parsed and verified by `mtor-identity`. */
export type Did = string;

/** SHA-256, hexadecimal */
export type Digest = string;

/** The data of `mtor.worker.done` (worker to broker): the answer is whole. */
export interface Done {
  /** Why it stopped. */
  finish: FinishReason;
  /** The assignment. */
  lease: number;
  /**
   * SHA-256 over the text and the binary payloads that this worker sent for this assignment, previews left out, in the order
   * of sending.
   */
  output: Digest;
  /** The worker's signature over [`signing_text`](Done::signing_text), base64url. */
  signature: string;
  /** What this worker used for it. */
  usage: Usage;
}

/** The data of `mtor.worker.drain`: no new jobs, please. From the broker: finish and go. */
export interface Drain {
  /** Why, for people. */
  reason?: string;
}

/** What a tool does to the world, which says whether somebody must be asked before. */
export type Effect = "reads" | "notes" | "switches" | "sends" | "unknown";

/** Turn texts into vectors. */
export interface EmbedTask {
  /** The texts; the result is a JSON array with one array of numbers for each. */
  input: string[];
}

/** One vector. */
export interface Embedding {
  /** The vector: numbers, or base64. */
  embedding: unknown;
  /** Of which input. */
  index: number;
  /** `embedding`. */
  object: string;
}

/** The answer of `POST /v1/embeddings`. */
export interface EmbeddingList {
  /** One for each input. */
  data: Embedding[];
  /** The model. */
  model: string;
  /** `list`. */
  object: string;
  /** What was used. */
  usage: TokenUsage;
}

/** The body of `POST /v1/embeddings`. */
export interface EmbeddingRequest {
  /** Vectors come as long as the model makes them, so this can't be asked for. */
  dimensions?: number | null;
  /** `float` (the default) or `base64` (little-endian 32-bit floats), as OpenAI's own client asks for. */
  encoding_format?: string | null;
  /** One text, or several. */
  input: OneOrMany;
  /** A model's name, or `default`. */
  model: string;
}

/** An error in OpenAI's shape. */
export interface ErrorBody {
  /** The error. */
  error: ErrorDetail;
}

/** What is wrong. */
export interface ErrorDetail {
  /** The stable name. */
  code?: string | null;
  /** In words. */
  message: string;
  /** The field that is wrong. */
  param?: string | null;
  /** The class by which OpenAI's clients choose an exception. */
  type: string;
}

/** The data of `mtor.job.failed`. */
export interface Failed {
  /** What the text delivered so far cost; nothing, if there was none. */
  cost: Micro;
  /** Why. */
  problem: Problem;
}

/** Why a worker stopped writing. */
export type FinishReason = "stop" | "length";

/** Where a job has just come to. */
export type FlowStep = "submitted" | "assigned" | "first_chunk" | "completed" | "failed" | "cancelled";

/** A call of a function, as it stands in messages. */
export interface FunctionCall {
  /** What is called. */
  function: CalledFunction;
  /** What its result refers to. */
  id: string;
  /** Which of several, in the pieces of a stream. */
  index?: number | null;
  /** `function`. */
  type?: string;
}

/** Whether, and which, function is called. */
export type FunctionChoice = string | {
  /** Its name. */
  function: FunctionName;
};

/** What a function is. */
export interface FunctionDefinition {
  /** What it is good for. */
  description?: string | null;
  /** Its name. */
  name: string;
  /** The JSON schema of its arguments. */
  parameters?: Record<string, never> | null;
}

/** The name of a function. */
export interface FunctionName {
  /** The name. */
  name: string;
}

/** A function that the model may call. */
export interface FunctionTool {
  /** The function. */
  function?: FunctionDefinition | null;
  /** `function`. */
  type: string;
}

/** A grant as it stands. */
export interface GrantInfo {
  /** Its account in the ledger. */
  account: AccountId;
  /** When it was made. */
  created: Timestamp;
  /** Whose coins they are. */
  from: AccountId;
  /** What is held for jobs that are not settled. */
  held: Micro;
  /** Its id. */
  id: JobId;
  /** What can still be spent until it begins anew, if the granter has as much. */
  left: Micro;
  /** Whom or what it is for. */
  name: string;
  /** When it begins anew. */
  renews?: Timestamp | null;
  /** What was spent, ever. */
  spent: Micro;
  /** What it allows. */
  terms: GrantTerms;
  /** The wallets that may spend from it; only the granter sees them. */
  to?: Did[];
}

/** `GET /api/wallets/{did}/grants`: what a wallet grants, and what it is granted. */
export interface GrantList {
  /** What others may spend of its coins, the oldest first. */
  given: GrantInfo[];
  /** What it may spend of others' coins, the oldest first. */
  received: GrantInfo[];
}

/** `POST /api/wallets/{did}/grants`: set coins aside for others. */
export interface GrantRequest {
  /** Chosen by the granter; the same id with the same request is the same grant. */
  id: JobId;
  /** Whom or what it is for. */
  name: string;
  /** What it allows. */
  terms: GrantTerms;
  /** The wallets that may spend from it. API keys are made for it afterwards. */
  to?: Did[];
}

/** What a grant allows. */
export interface GrantTerms {
  /** When it ends by itself. */
  expires?: Timestamp | null;
  /** The most that one job may cost. */
  job_max?: Micro | null;
  /** The most that can be spent: in each period, or in all when there is none. */
  limit: Micro;
  /** What may be asked of; anything when empty. */
  only?: CapabilityKind[];
  /** How often it begins anew. */
  period?: Period | null;
}

/** A handover that waits for the other device. */
export interface Handover {
  /** When it is gone, fetched or not. */
  expires: Timestamp;
  /** What the other device asks for. */
  id: JobId;
}

/**
 * `POST /api/handovers`: leave something sealed for another device of the same person. The realm can't read it: what
 * opens it goes from device to device.
 */
export interface HandoverRequest {
  /** What is handed over, sealed, in base64url. */
  sealed: string;
}

/** What was handed over. */
export interface HandoverTaken {
  /** As it was left. */
  sealed: string;
}

/** The data of `mtor.session.hello`. On loopback a client may leave `did` and `signature` out: it is the owner then. */
export interface Hello {
  /** Of a client: on which device it is, so that the wallet's owner sees where the wallet is in use. */
  device?: Device | null;
  /** Whose wallet. */
  did?: Did | null;
  /** Client or worker. */
  role: SessionRole;
  /** The signature over the challenge, base64url. */
  signature?: string | null;
}

/** One picture. */
export interface Image {
  /** It, in base64. */
  b64_json?: string | null;
  /** Where it is. */
  url?: string | null;
}

/** The answer of `POST /v1/images/generations`. */
export interface ImageList {
  /** When, in seconds since 1970. */
  created: number;
  /** The pictures. */
  data: Image[];
}

/** The body of `POST /v1/images/generations`. */
export interface ImageRequest {
  /** A model's name, or `default`. */
  model?: string | null;
  /** How many pictures; 1 when absent. */
  n?: number | null;
  /** What shall not be seen. Not in OpenAI's own interface, as those below. */
  negative_prompt?: string | null;
  /** What shall be seen. */
  prompt: string;
  /** `b64_json` (the default), or `url` for addresses on this realm, which ask for the same key. */
  response_format?: string | null;
  /** The same seed, prompt and model give the same picture, as far as the engine allows. */
  seed?: number | null;
  /** Width and height as `1024x1024`; the model's own choice when absent or `auto`. */
  size?: string | null;
  /** Rounds of drawing. */
  steps?: number | null;
  /** Whether to stream; not possible here. */
  stream?: boolean | null;
}

/** A picture in a message. */
export interface ImageUrl {
  /** `data:image/...;base64,...`: the picture itself. Addresses elsewhere are not fetched. */
  url: string;
}

/** Draw pictures. */
export interface ImagineTask {
  count?: number;
  height?: number | null;
  negative_prompt?: string | null;
  prompt: string;
  seed?: number | null;
  steps?: number | null;
  width?: number | null;
}

/** A capability with parameters, for a model. */
export type Intent = Task & {
  model?: string;
};

/** job id */
export type JobId = string;

/** `GET /api/jobs/{id}`: everything about a job, for the wallet that it belongs to. */
export interface JobInfo {
  /** How soon. */
  class: ServiceClass;
  /** What it cost, once settled. */
  cost?: Micro | null;
  /** When the realm gives up. */
  deadline: Timestamp;
  /** How long until it starts, in milliseconds; absent when it can't be known. */
  eta_ms?: number | null;
  /** Why the answer ends, once completed. */
  finish?: FinishReason | null;
  /** Whether the realm remembered the answer, and no worker was asked. */
  from_memory?: boolean;
  /** What was held. */
  hold: Micro;
  /** Its id. */
  id: JobId;
  /** What was asked; absent when it was pruned by the realm's retention. */
  intent?: Intent | null;
  /** SHA-256 of the whole answer, once completed. */
  output?: Digest | null;
  /** What came out of it beside the text; empty when it was pruned by the realm's retention. */
  parts?: Part[];
  /** How many jobs start before it, while it waits. */
  position?: number | null;
  /** Seen by whom. */
  privacy: Privacy;
  /** Why it failed. */
  problem?: Problem | null;
  /** The sequence of its last event. */
  sequence: number;
  /** When it was settled. */
  settled?: Timestamp | null;
  /** How it stands. */
  state: JobState;
  /** When it was taken. */
  submitted: Timestamp;
  /** The answer as far as it is there; absent when it was pruned by the realm's retention. */
  text?: string | null;
  /** What it used, once settled. */
  usage?: Usage | null;
  /** The workers that had it, in order. */
  workers: string[];
}

/** One line of `GET /api/wallets/{did}/jobs`. */
export interface JobLine {
  /** The first words of the answer. */
  answer: string;
  /** What was asked of. */
  capability: CapabilityKind;
  /** What it cost, once settled. */
  cost?: Micro | null;
  /** Its id. */
  id: JobId;
  /** The first words of the question. */
  question: string;
  /** How it stands. */
  state: JobState;
  /** When it was taken. */
  submitted: Timestamp;
}

/** `GET /api/wallets/{did}/jobs?before=ID&limit=N&q=WORDS`: a page of a wallet's jobs, the newest first. */
export interface JobPage {
  /** The jobs. */
  jobs: JobLine[];
  /** Pass this as `before` for the next page; absent on the last. */
  next?: JobId | null;
}

/**
 * `GET /api/jobs/{id}/proofs`: proofs that the journal has what happened to a job, each a C2SP tlog-proof that anybody can
 * check who knows the realm's key.
 */
export interface JobProofs {
  /** That it was taken, and at which price. */
  accepted: string;
  /** The job. */
  job: JobId;
  /** That it has ended, how, and who was paid what; absent while it has not. */
  settled?: string | null;
}

/** The state of a job. */
export type JobState = "queued" | "running" | "completed" | "failed" | "cancelled";

/** What shall change. */
export type KeyChange = {
  do: "rotate";
  /** The new key, which was never used before. */
  next: Did;
} | {
  do: "name_recovery";
  /** The recovery key. */
  key?: Did | null;
} | {
  do: "ask_recovery";
  /** The new key, which was never used before. */
  next: Did;
} | {
  /** The id of the statement that asked. */
  ask: JobId;
  do: "veto";
};

/** key id */
export type KeyId = string;

/** `POST /api/wallets/{did}/keys`: make an API key for programs that can't sign. */
export interface KeyRequest {
  /** The grant that it spends from; without it, the key can do all that the wallet can. */
  grant?: JobId | null;
  /** What it is for. */
  name: string;
}

/**
 * `POST /api/keys`: a change of a wallet's keys, signed. It stands in the log as it is, so that anybody can check who changed
 * what.
 */
export interface KeyStatement {
  /** Who signs: the wallet's key; for `ask_recovery`, its recovery key. */
  by: Did;
  /** What shall change. */
  change: KeyChange;
  /** Chosen by whoever signs; the same id with the same statement is the same change. */
  id: JobId;
  /** The same text, signed by the key that becomes the wallet's: nobody can name a key that is another's. */
  next_signature?: string | null;
  /** Over [`signing_text`](Self::signing_text), base64url. */
  signature: string;
  /** The wallet, by the GUID of any key that it ever had. */
  wallet: AccountId;
}

/** Pay of a wallet's workers that is held back, by what they worked in. */
export interface LatePay {
  /** Their sum. */
  amount: Micro;
  /** In what. */
  capability: CapabilityKind;
  /** When the oldest of them is the wallet's own, if no newer ones push it out before. */
  first: Timestamp;
  /** When the newest is. */
  last: Timestamp;
  /** How many payments. */
  payments: number;
}

/** How the ledger stands. */
export interface LedgerInfo {
  /** Entries in the journal. */
  entries: number;
  /** The Merkle root over them, hexadecimal. */
  root: Digest;
  /** Whether it can write. */
  writable: boolean;
}

/** Look at one picture: say what kind it is (`classify`), or read what stands in it (`ocr`). */
export interface LookTask {
  detail?: boolean;
  picture: Picture;
}

/** Text, or parts. */
export type MessageContent = string | ContentPart[];

/** micro; 1,000,000 are one coin */
export type Micro = string;

/** One model. */
export interface ModelCard {
  /** Seconds since the Unix epoch. */
  created: number;
  /** Its name. */
  id: string;
  /** `model`. */
  object: string;
  /** The realm's name. */
  owned_by: string;
}

/** The answer of `GET /v1/models`. */
export interface ModelList {
  /** The models that workers offer now, `default` first. */
  data: ModelCard[];
  /** `list`. */
  object: string;
}

/** The class of a model: how much machine it takes. Realms decide which model is of which. */
export type ModelSize = "small" | "medium" | "large";

/** One line of `GET /api/wallets/{did}/movements`, the newest first. */
export interface Movement {
  /** How much. */
  amount: Micro;
  /** The ledger's entry. */
  entry: number;
  /** What for. */
  kind: MovementKind;
  /** The other side's account. */
  other?: AccountId | null;
  /** The job or transfer. */
  reference: JobId;
  /** When. */
  time: Timestamp;
}

/** What a movement of a wallet was for. */
export type MovementKind = "job" | "earned" | "sent" | "received" | "issued" | "started" | "granted" | "returned" | "forfeited" | "refunded";

/** A page of a wallet's movements. */
export interface MovementPage {
  /** The movements. */
  movements: Movement[];
  /** Pass this as `before` for the next page; absent on the last. */
  next?: number | null;
}

/** A schema with its name. */
export interface NamedSchema {
  /** The schema. */
  schema?: Record<string, never> | null;
}

/** What a job needs of whoever does it, beside the capability itself; and what an offer can do. */
export interface Needs {
  /** An answer that keeps to a JSON schema. */
  json?: boolean;
  /** Tools that the model is told of, and calls. */
  tools?: boolean;
}

/** A part that a worker is about to send. */
export interface NewPart {
  /** Its size: so many bytes of output frames, after this, are it. */
  bytes: number;
  /** What kind of thing it is, such as `image/png`. */
  media_type: string;
  /** What a file with it would be called. */
  name: string;
  /**
   * Whether it only shows how a part comes on. The next one replaces it; it is no part of the answer, of its digest or
   * of what is kept.
   */
  preview?: boolean;
}

/** One offer of a worker, with its load. */
export interface OfferInfo {
  /** Of these taken. */
  busy: number;
  /** What it can do beside the capability itself. */
  can?: Needs;
  /** What it can do. */
  capability: CapabilityKind;
  /** The languages that it understands or speaks. */
  languages?: string[];
  /** What it can take. */
  limits: OfferLimits;
  /** With which model. */
  model: string;
  /** What it asks. */
  price: Price;
  /** How large its model is, by the realm's rules. */
  size?: ModelSize;
  /** Jobs at once. */
  slots: number;
  /** How fast it writes, in tokens per second for one job, as measured by itself. */
  tokens_per_s?: number | null;
  /** What the tool is, if it is one. */
  tool?: ToolInfo | null;
  /** The voices that it speaks with. */
  voices?: VoiceInfo[];
}

/** The limits of an offer; what is absent is unlimited. */
export interface OfferLimits {
  /** The model's window for one job: tokens read and written together. */
  context_tokens?: number | null;
  /** Most bytes of text that go in. */
  input_bytes?: number | null;
  /** Most tokens written for one job. */
  output_tokens?: number | null;
}

/** One text, or several. */
export type OneOrMany = string | string[];

/**
 * The data of `mtor.job.order`: a job that its wallet has signed. The text is kept as it is, so that what was signed can be
 * shown to the byte.
 */
export interface Order {
  /** Who signs: the wallet that pays. */
  by: Did;
  /** The JSON of a [`Submit`](crate::Submit), with `id` and `deadline`, and `max_price` if there shall be a limit. */
  order: string;
  /** Over [`signing_text`](Self::signing_text), base64url. */
  signature: string;
}

/** The signature under an order, as it is kept: the text is kept beside it. */
export interface OrderSeal {
  /** Who signed. */
  by: Did;
  /** The signature, base64url. */
  signature: string;
}

/**
 * A part of an answer, as it is told of: as the data of `mtor.job.part`, whose bytes follow as binary output frames, and in
 * lists of what a job brought forth.
 */
export interface Part {
  /** Its size, in bytes. */
  bytes: number;
  /** What kind of thing it is. */
  media_type: string;
  /** What a file with it would be called. */
  name: string;
  /**
   * Its number among the parts of its job, from 0: `GET /api/jobs/{id}/parts/{number}` gives its bytes. A preview has the
   * number of the part that it shows coming, and is not to be had there.
   */
  number: number;
  /** Whether it only shows how the part comes on: the next one, or the part itself, replaces it. */
  preview?: boolean;
  /** SHA-256 over it. */
  sha256: Digest;
}

/** The data of `mtor.job.partial`. */
export interface Partial {
  /** All of it, as it looks so far. */
  text: string;
}

/** A passkey under which a wallet has something sealed. */
export interface PasskeyInfo {
  /** When it was sealed. */
  created: Timestamp;
  /** SHA-256 of the credential's id. */
  id: Digest;
}

export type PasskeyList = PasskeyInfo[];

/** `POST /api/wallets/{did}/passkeys`: a wallet as a passkey has sealed it. The realm keeps it and can't read it. */
export interface PasskeyRequest {
  /** SHA-256 of the credential's id, under which it is found again. */
  id: Digest;
  /** What is sealed, base64url. */
  sealed: string;
}

/** `GET /api/passkeys/{id}`: what a passkey has sealed. Without the passkey it is of no use to anybody. */
export interface PasskeySealed {
  /** What is sealed, base64url. */
  sealed: string;
}

/** What a realm says to one that has invited it, signed by its realm's key. */
export interface PeerGreeting {
  /** Where it is reached, if it is. */
  address?: string | null;
  /** What people call it. */
  name: string;
  /** Out of the code. */
  secret: string;
}

/** A peer, and how it stands with this realm. */
export interface PeerInfo {
  /** Where it is reached, if it is. */
  address?: string | null;
  /** Whether its workers take our jobs now. */
  attached: boolean;
  /** Its key. */
  did: Did;
  /** What people call it. */
  name: string;
  /** What it offers us, while it is attached. */
  offers: CapabilityKind[];
  /** What we owe it. */
  owed: Micro;
  /** What it owes us, with what is held for its open jobs. */
  owes: Micro;
  /** On what terms it is a peer. */
  terms: PeerTerms;
}

/** An invitation. Whoever has its code can join once, until it expires. */
export interface PeerInvite {
  /** What the other realm's owner is told: over a way that nobody else reads. */
  code: string;
  /** Until when. */
  expires: Timestamp;
}

/** A wish for an invitation. */
export interface PeerInviteRequest {
  /** Where the other realm reaches this one: `http://HOST:PORT`. */
  address: string;
  /** On what terms whoever joins with it is a peer. */
  terms?: PeerTerms;
}

/** A wish to join a realm that has invited this one. */
export interface PeerJoinRequest {
  /** Where the other realm reaches this one, if it does: else it can take our workers' help, and not lend us its own. */
  address?: string | null;
  /** The code of its invitation. */
  code: string;
  /** On what terms it is a peer. */
  terms?: PeerTerms;
}

export type PeerList = PeerInfo[];

/** On what terms a realm is a peer. */
export interface PeerTerms {
  /** The most that it may owe us. */
  limit?: Micro;
  /** What it may use of our workers: any of `chat` and `embed`. Nothing unless said. */
  share?: CapabilityKind[];
}

/** What the realm that has invited it answers. */
export interface PeerWelcome {
  /** What people call it. */
  name: string;
}

/** How often a grant is filled up again. All in UTC. */
export type Period = "day" | "week" | "month";

/**
 * A picture that goes into a job. Its bytes come as binary input frames: those of all pictures of the job, one after
 * the other in the order in which its task names them, ended by an empty frame.
 */
export interface Picture {
  /** Its size, in bytes: where it ends and the next one begins. */
  bytes: number;
  /** SHA-256 over it. A wallet that signs its job signs its pictures with it. */
  sha256: Digest;
}

/** A part of a picture. */
export interface PictureArea {
  /** From top to bottom. */
  height: number;
  /** From left to right. */
  width: number;
  /** Its left side. */
  x: number;
  /** Its upper side. */
  y: number;
}

/** The data of `mtor.worker.chunk` (worker to broker): a piece of the answer. */
export interface Piece {
  /** The assignment. */
  lease: number;
  /** The piece. */
  text: string;
  /** Tokens in it. */
  tokens: number;
}

/** A plan, and how far it is. The data of `mtor.plan.state`, sent whenever it changes. */
export interface Plan {
  /** What its steps have cost so far. */
  cost: Micro;
  /** Its id. */
  id: JobId;
  /** The most that all steps together may cost, by the prices at the beginning. */
  max: Micro;
  /** How it stands. */
  state: PlanState;
  /** Its steps; those that a step needs stand before it. */
  steps: PlanStep[];
  /** When. */
  submitted: Timestamp;
  /** What was said. */
  text: string;
}

/** The body of `POST /api/plans/{id}/answer`, and the data of `mtor.plan.answer`: a person's word about what a plan asks. */
export interface PlanAnswer {
  /** About which step; the whole plan when absent. */
  step?: number | null;
  /** Whether it shall be done. */
  yes: boolean;
}

/** The body of `POST /api/plans`, and the data of `mtor.plan.ask`: do what these words want, in several steps if need be. */
export interface PlanAsk {
  /** The plan's id, chosen by the client: a retry finds the same plan. */
  id: JobId;
  /** Its language, as in `en`; the likeliest when absent. */
  language?: string;
  /** What all steps may cost at most before somebody is asked. */
  max_price?: Micro | null;
  /** The address of the page that "this article" stands for. */
  page?: string | null;
  /** What was said. */
  text: string;
}

/** `GET /api/plans`: a page of a wallet's plans, the newest first. */
export interface PlanPage {
  /** Pass this as `before` for the next page; absent on the last. */
  next?: JobId | null;
  /** The plans. */
  plans: Plan[];
}

/** How a plan stands. */
export type PlanState = "proposed" | "running" | "asking" | "done" | "failed" | "cancelled";

/** One step of a plan. */
export interface PlanStep {
  /** The steps whose answers it is made of, by their numbers from 0; `params` stand for them until they are there. */
  after?: number[];
  /** Of which capability. */
  capability: CapabilityKind;
  /** What it cost. */
  cost?: Micro | null;
  /** What it does to the world. */
  effect: Effect;
  /** The job that does it. */
  job: JobId;
  /** What is to be said of it: that a text was too long, and only its beginning was read. */
  note?: string | null;
  /** With which parameters; those that come from other steps as `{"$from": N}`, until they are there. */
  params: Record<string, never>;
  /** Why it failed. */
  problem?: Problem | null;
  /** How it stands. */
  state: StepState;
  /** What it brought, or the beginning of that; all of it is the job's. */
  text?: string | null;
  /** What it does, in a few words for people. */
  title: string;
  /** Which worker did it, by its name. */
  worker?: string | null;
}

/** The data of `mtor.plan.watch`. */
export type PlanWatch = Record<string, never>;

/**
 * What a capability costs, in micro per thousand units of each metered kind, plus a part per job.
 *
 * ```
 * use mtor_protocol::{Micro, Price, Usage};
 * let price = Price { job: Micro(100), input_ktoken: Micro(1_000), output_ktoken: Micro(4_000), ..Price::default() };
 * let usage = Usage { input_tokens: 500, output_tokens: 250, ..Usage::default() };
 * assert_eq!(price.cost(&usage), Micro(100 + 500 + 1_000));
 * ```
 */
export interface Price {
  /** Per thousand tokens read. */
  input_ktoken?: Micro;
  /** Per job, whatever it used. */
  job?: Micro;
  /** Per thousand images seen or drawn. */
  kimage?: Micro;
  /** Per thousand seconds of audio heard or spoken. */
  ksecond?: Micro;
  /** Per thousand tokens written. */
  output_ktoken?: Micro;
}

export type PriceHistories = PriceHistory[];

/** `GET /api/prices/history`: what one ware cost of late. */
export interface PriceHistory {
  /** Of what. */
  capability: CapabilityKind;
  /** A point for each minute of the last day, or for each quarter of an hour when more days were asked for; the newest last. */
  points: PricePoint[];
  /** Done by models of which size. */
  size?: ModelSize;
}

/** `GET /api/prices`: what a capability costs, done by models of one size. */
export interface PriceInfo {
  /** Of what. */
  capability: CapabilityKind;
  /** How much by the realm's list: the price when the load is just right. The same where prices do not follow load. */
  list?: Price;
  /**
   * How busy those are who do it, in percent of what they can do at once, with what waits for them; absent where prices do
   * not follow load.
   */
  load_percent?: number | null;
  /** Models of that size that are on offer, the first few by name. */
  models?: string[];
  /** The price in percent of the list price; absent when the list says that it is free. */
  of_list_percent?: number | null;
  /** How much, now. */
  price: Price;
  /** Done by models of which size. */
  size?: ModelSize;
}

export type PriceList = PriceInfo[];

/** A price and a load at one time. */
export interface PricePoint {
  /** The price in thousandths of the list price. */
  factor_permille: number;
  /** The load, in percent. */
  load_percent: number;
  /** When. */
  time: Timestamp;
}

/** Whose workers may see the job. */
export type Privacy = "own" | "realm" | "peers" | "any";

/** Problem details (RFC 9457). */
export interface Problem {
  /** What happened here, with numbers, and what to do about it. */
  detail?: string;
  /** The job that it is about. */
  instance?: string | null;
  /** The field of the request that is wrong, where one is. */
  param?: string | null;
  /** Seconds after which another try makes sense. */
  retry_after?: number | null;
  /** The HTTP status. */
  status: number;
  /** The kind in a few words. */
  title: string;
  /** `urn:mtor:problem:` and the kind; stable, to be compared by programs. */
  type: string;
}

/** `GET /api/queue`. */
export interface QueueInfo {
  /** The same by capability. */
  capabilities: CapabilityQueue[];
  /** How well the goals of the service classes are kept. */
  classes?: ClassInfo[];
  /** Jobs that wait for a worker. */
  queued: number;
  /** Jobs that a worker has. */
  running: number;
  /** The wallets with the most open jobs, at most sixteen: the more a wallet has open, the later its next job is served. */
  wallets?: WalletShare[];
}

/** The data of `mtor.job.queued`. */
export interface Queued {
  /** How long until it starts, in milliseconds; absent when it can't be known. */
  eta_ms?: number | null;
  /** How many jobs of this capability start before it. */
  position: number;
}

/** The data of `mtor.quote`. */
export interface Quote {
  /** What would be done. */
  capability: CapabilityKind;
  /** How long until it starts, in milliseconds; absent when it can't be known. */
  eta_ms?: number | null;
  /** Until when the price holds. */
  expires: Timestamp;
  /** The most that the job can cost: what would be held. */
  max: Micro;
  /** By which model, as it was asked for: `default` leaves it to the realm. */
  model: string;
  /** How many offers of attached workers fit it, free or not. */
  offers: number;
  /** How many jobs would start before it. */
  position: number;
  /** The price it is computed with. */
  price: Price;
  /** The class of the models whose price it is. */
  size: ModelSize;
}

/** The data of `mtor.realm.flow`: one step of one job, without a word of what it says. */
export interface RealmFlow {
  /** What is asked of the realm. */
  capability: CapabilityKind;
  /** The job, if it is the watcher's own. */
  job?: JobId | null;
  /** Whether it is one of the watcher's own; then `job` says which. */
  own: boolean;
  /** Where it has come to. */
  step: FlowStep;
  /** The job, as a short token that is good only for joining the steps of one job. */
  token: string;
  /** The worker, once there is one. */
  worker?: string | null;
}

/** `GET /api/realm`: who this realm is. */
export interface RealmInfo {
  /** Whether its owner can attach services by their address: it was started with `mtor up`. */
  attaches?: boolean;
  /** Its key. */
  did: Did;
  /** Whether it is going down and takes no new jobs. */
  draining: boolean;
  /** Its ledger. */
  ledger: LedgerInfo;
  /** Its name. */
  name: string;
  /** The owner's wallet. */
  owner: Did;
  /** Whether coins are issued by the owner alone. */
  private: boolean;
  /** The wire's version. */
  protocol: string;
  /** Since when it runs. */
  started: Timestamp;
  /** The program's version. */
  version: string;
  /** The keys of those who cosign its log's checkpoints, as their keepers give them out (C2SP vkeys of cosignature/v1). */
  witnesses?: string[];
}

/** The data of `mtor.realm.status`. */
export interface RealmStatus {
  /** Queues. */
  queue: QueueInfo;
  /** Workers. */
  workers: WorkerInfo[];
}

/** The data of `mtor.realm.watch`. */
export type RealmWatch = Record<string, never>;

/** What a worker has signed for its part of a job, as it is kept. */
export interface Receipt {
  /** Who signed. */
  by: Did;
  /** The assignment. */
  lease: number;
  /** SHA-256 of what this worker wrote for it. */
  output: Digest;
  /** Over [`Done::signing_text`](crate::worker::Done::signing_text), base64url. */
  signature: string;
  /** What it says it used; what is paid is what the realm counted. */
  usage: Usage;
}

/** A recovery that has not taken effect. */
export interface RecoveryPending {
  /** The statement that asked: what a veto names. */
  ask: JobId;
  /** When it was asked. */
  asked: Timestamp;
  /** When it takes effect. */
  due: Timestamp;
  /** The key that will be the wallet's. */
  next: KeyId;
}

/** A message as OpenAI's clients send it. */
export interface RequestMessage {
  /** Text, or parts; null where an assistant only made calls. */
  content?: MessageContent | null;
  /** Who said it. */
  role: Role;
  /** The call that a tool's message is the result of. */
  tool_call_id?: string | null;
  /** The calls that an assistant made. */
  tool_calls?: FunctionCall[] | null;
}

/** The data of `mtor.intent.resolve`, and the body of `POST /api/resolve`: what do these words want? */
export interface Resolve {
  /** Its language, as in `en`; the likeliest when absent. */
  language?: string;
  /** What was said. */
  text: string;
  /** The wake word that may stand at its beginning, when it is another than "computer". */
  wake_word?: string | null;
}

/** What somebody said, and what they want. */
export interface Resolved {
  /** How. */
  by: By;
  /** Its language, as in `en`. */
  language: string;
  /** What was said, without wake word and politeness. */
  text: string;
  /** What was understood. */
  understanding: Understanding;
}

/** The shape of the answer. */
export interface ResponseFormat {
  /** The schema, for `json_schema`. */
  json_schema?: NamedSchema | null;
  /** `text`, `json_object` or `json_schema`. */
  type: string;
}

/** A message, or a piece of one. */
export interface ResponseMessage {
  /** What. */
  content?: string | null;
  /** Who says it. */
  role?: Role | null;
  /** What it calls. */
  tool_calls: FunctionCall[];
}

/** Who says something in a conversation. */
export type Role = "system" | "user" | "assistant" | "tool";

/** The data of `mtor.worker.run` (broker to worker): do this. The event's subject is the job. */
export interface Run {
  /** When the realm gives up. */
  deadline: Timestamp;
  /** For a peer realm: the realms that the job has come through, by their accounts, this one last. */
  hops?: AccountId[];
  /** What to do. */
  intent: Intent;
  /** The fencing token of this assignment; everything that the worker sends for the job carries it. */
  lease: number;
  /** Most tokens to write from here on. */
  output_tokens_max: number;
  /** Parts of the answer that were delivered already by a worker that left: go on with the next one. */
  parts?: number;
  /** Text of the answer that was delivered already by a worker that left: go on right after it. */
  prefix?: string;
}

/**
 * What was found in a picture, when all details are wanted: the answer's text is this, as JSON. What was not looked for is
 * absent. All places are in pixels of the picture the right way up, from its upper left corner.
 */
export interface Seen {
  /** How high it is, in pixels. */
  height?: number;
  /** Lines of text, as one reads them. */
  lines?: SeenLine[] | null;
  /** Things, the surest first. */
  things?: SeenThing[] | null;
  /** How likely it is unfit to be shown to anybody, up to 1. */
  unfit?: number | null;
  /** How wide the picture is, in pixels. */
  width?: number;
}

/** A line of text in a picture. */
export interface SeenLine {
  /** Where it is. */
  area: PictureArea;
  /** How sure that is, up to 1. */
  probability: number;
  /** What it says. */
  text: string;
}

/** A thing in a picture. */
export interface SeenThing {
  /** Where it is. */
  area: PictureArea;
  /** What it is. */
  label: string;
  /** How sure that is, up to 1. */
  probability: number;
}

/** How soon somebody waits for the answer. */
export type ServiceClass = "voice" | "interactive" | "batch";

/** Who opens a session. */
export type SessionRole = "client" | "worker";

/** Speak a text. The sound goes out as binary output frames; the answer's text is what has been spoken so far. */
export interface SpeakTask {
  format?: SpeechFormat;
  language?: string | null;
  more?: boolean;
  speed?: number | null;
  text?: string;
  voice?: string | null;
}

/** One server-sent event of `POST /v1/audio/speech`. */
export type SpeechEvent = {
  /** The piece. */
  audio: string;
  type: "speech.audio.delta";
} | {
  type: "speech.audio.done";
};

/** The format of spoken audio. */
export type SpeechFormat = "pcm" | "wav" | "mp3" | "opus" | "flac";

/** The body of `POST /v1/audio/speech`. */
export interface SpeechRequest {
  /** What to say. */
  input: string;
  /** How to say it. Not understood by any voice here, so it must be empty. */
  instructions?: string | null;
  /** A model's name, or `default`. */
  model: string;
  /** `mp3` (the default), `opus`, `flac`, `wav` or `pcm`. */
  response_format?: string | null;
  /** How fast, from 0.25 to 4. */
  speed?: number | null;
  /** `audio` (the default) or `sse`. */
  stream_format?: string | null;
  /** A voice's id, as `GET /api/workers` lists them; `default`, or one of OpenAI's own names, for the realm's choice. */
  voice?: string | null;
}

/** A part of a recording. */
export interface SpokenSegment {
  /** Where it ends, in seconds. */
  end: number;
  /** Its number, from 0. */
  id: number;
  /** Where it begins, in seconds. */
  start: number;
  /** What is said. */
  text: string;
}

/** A word of a recording. */
export interface SpokenWord {
  /** Where it ends, in seconds. */
  end: number;
  /** Where it begins, in seconds. */
  start: number;
  /** The word. */
  word: string;
}

/**
 * `GET /api/wallets/{did}/starter`: the work that a wallet has to do for its starter coins. It is done when a number is
 * found for which Argon2id (version 1.3, one lane, 32 bytes; the number's decimal digits as the password, the text of
 * `challenge` as the salt) gives a hash that begins with `zero_bits` zero bits.
 */
export interface StarterChallenge {
  /** For this wallet alone, and good for one claim. */
  challenge: string;
  /** How many coins there are for it. */
  coins: Micro;
  /** Until when the work has to be handed in. */
  expires: Timestamp;
  /** Memory for each try, in KiB. */
  memory_kib: number;
  /** Passes over that memory. */
  passes: number;
  /** How many zero bits: each one more doubles the work. */
  zero_bits: number;
}

/** `POST /api/wallets/{did}/starter`: the work is done. */
export interface StarterClaim {
  /** As it came. */
  challenge: string;
  /** The number that was found, below 2^53, so that every language can write it. */
  number: number;
}

/** How a step stands. */
export type StepState = "waiting" | "asking" | "running" | "done" | "failed" | "refused" | "left_out";

/** The data of `mtor.worker.stop` (broker to worker): stop this at once, nobody wants it any more. */
export interface Stop {
  /** The assignment that is meant. */
  lease: number;
}

/** What else to stream. */
export interface StreamOptions {
  /** A last event with the usage. */
  include_usage?: boolean;
}

/** Asks the realm to do something, under conditions. The data of `mtor.job.submit`, and the body of `POST /api/jobs`. */
export interface Submit {
  /** How soon. */
  class?: ServiceClass;
  /** The moment at which it is given up and refunded, instead of `timeout_ms`. */
  deadline?: Timestamp | null;
  /** Have a worker do it, although the realm may remember the answer. */
  fresh?: boolean;
  /** The grant that pays; without it, whichever grant of this wallet allows the job, else its own coins. */
  grant?: JobId | null;
  /**
   * The job's id, when the client chooses it (it should: then a retry can't make a second job). In an event the
   * `subject` says the same.
   */
  id?: JobId | null;
  /** What is wanted. */
  intent: Intent;
  /** The most it may cost; without it, what the job can cost at most by its own limits. */
  max_price?: Micro | null;
  /** Seen by whom. */
  privacy?: Privacy;
  /** The `expires` of a quote that this relies on: until then the job costs no more than was quoted. */
  quote?: Timestamp | null;
  /** Milliseconds after which it is given up and refunded; the realm's own limit when absent. */
  timeout_ms?: number | null;
}

/** What a worker can be asked to do, with what it needs to know. */
export type Task = {
  capability: "chat";
  params: ChatTask;
} | {
  capability: "embed";
  params: EmbedTask;
} | {
  capability: "transcribe";
  params: TranscribeTask;
} | {
  capability: "speak";
  params: SpeakTask;
} | {
  capability: "wake";
  params: WakeTask;
} | {
  capability: "vision";
  params: ChatTask;
} | {
  capability: "classify";
  params: LookTask;
} | {
  capability: "ocr";
  params: LookTask;
} | {
  capability: "imagine";
  params: ImagineTask;
} | {
  capability: string;
  params: Record<string, never>;
};

export type Timestamp = string;

/** Usage by OpenAI's names. */
export interface TokenUsage {
  /** Tokens written. */
  completion_tokens: number;
  /** Tokens read. */
  prompt_tokens: number;
  /** Both. */
  total_tokens: number;
}

/** A call that was made earlier in the conversation. */
export interface ToolCall {
  /** With what. */
  arguments: Record<string, never>;
  /** What its result refers to. */
  id: string;
  /** Of which tool. */
  name: string;
}

/** Whether the model may, must or must not call a tool. */
export type ToolChoice = "auto" | "none" | "required" | {
  named: string;
};

/** How a worker describes a tool that it offers. */
export interface ToolInfo {
  /** What it is good for, in a sentence or two: for people, and for models that choose tools. */
  description: string;
  /** What it does to the world. */
  effect?: Effect;
  /** The JSON schema of its parameters: an object. */
  parameters: Record<string, never>;
  /** Whether the same parameters give the same result to everybody, so that it may be kept and given again. */
  repeatable?: boolean;
}

/** Write down what is said. The sound comes as binary input frames, ended by an empty one. */
export interface TranscribeTask {
  audio_ms_max?: number | null;
  detail?: boolean;
  hint?: string | null;
  language?: string | null;
  partials?: boolean;
  source?: AudioSource;
}

/** The answer to a [`TranscribeTask`] that asked for detail. */
export interface Transcript {
  /** How long the recording is. */
  duration_ms: number;
  /** The language, as in ISO 639-1; empty when nothing was said. */
  language: string;
  /** Its parts, in order. */
  segments: TranscriptSegment[];
  /** All that was said; empty when nothing was. */
  text: string;
  /** Its words, in order. */
  words: TranscriptWord[];
}

/** A sentence or so of a recording. */
export interface TranscriptSegment {
  /** Where it ends. */
  end_ms: number;
  /** Where it begins. */
  start_ms: number;
  /** What is said. */
  text: string;
}

/** A word of a recording. */
export interface TranscriptWord {
  /** Where it ends. */
  end_ms: number;
  /** How sure the worker is of it, from 0 to 1. */
  probability: number;
  /** Where it begins. */
  start_ms: number;
  /** The word, with the punctuation that belongs to it. */
  text: string;
}

/** The answer of `POST /v1/audio/transcriptions`. */
export interface Transcription {
  /** With `verbose_json`: how long the recording is, in seconds. */
  duration?: number | null;
  /** With `verbose_json`: the language, as in ISO 639-1. */
  language?: string | null;
  /** With `verbose_json`: its parts. */
  segments?: SpokenSegment[] | null;
  /** With `verbose_json`: `transcribe`. */
  task?: string | null;
  /** All that was said. */
  text: string;
  /** What was used. */
  usage: AudioUsage;
  /** With `verbose_json`: its words. */
  words?: SpokenWord[] | null;
}

/** One server-sent event of `POST /v1/audio/transcriptions`. */
export type TranscriptionEvent = {
  /** The words. */
  delta: string;
  type: "transcript.text.delta";
} | {
  /** All of it. */
  text: string;
  type: "transcript.text.done";
};

/** The fields of the form of `POST /v1/audio/transcriptions` beside `file`, the recording. */
export interface TranscriptionRequest {
  /** The language spoken, as in ISO 639-1; found out when absent. */
  language?: string | null;
  /** A model's name, or `default`. */
  model: string;
  /** Words that are likely to occur. */
  prompt?: string | null;
  /** `json` (the default), `text`, `verbose_json`, `srt` or `vtt`. */
  response_format?: string | null;
  /** Whether the words come in server-sent events; only with `json` and `text`. */
  stream: boolean;
}

/** `POST /api/transfers`: send coins. */
export interface TransferRequest {
  /** How much. */
  amount: Micro;
  /** Chosen by the sender; the same id with the same transfer is the same transfer. */
  id: JobId;
  /** What for; the ledger keeps only its salted hash. */
  memo?: string;
  /** To whom. */
  to: Did;
}

/** What comparing a worker's answers in one capability with those of others has shown. */
export interface TrustInfo {
  /** Answers that were compared. */
  audits: number;
  /** In what. */
  capability: CapabilityKind;
  /** Answers that were proven wrong. */
  failures: number;
  /** Whether every answer is compared still. */
  probation: boolean;
  /** Answers in a row that were found right. */
  run: number;
}

/** What was understood. */
export type Understanding = {
  /** Which one. */
  control: Control;
  kind: "control";
} | {
  /** By what. */
  capability: CapabilityKind;
  /** How sure, from 0 to 1. */
  confidence: number;
  /** What to submit, when it is something for a tool and the words say all that the tool has to know. */
  intent?: Intent | null;
  kind: "act";
  /** What could be read out of the words: `city`, `day`, `seconds`, `action`, ... */
  params?: Record<string, string>;
  /** What is left for it: the picture's description, the city, the question. */
  text: string;
} | {
  kind: "steps";
  /** The words of each. */
  steps: string[];
} | {
  /** What may have been meant, the likeliest first. */
  choices: Choice[];
  kind: "unsure";
  /** What to ask, in plain words of the speaker's language. */
  question: string;
};

/** The metered work of a job, or of one worker's part in it. */
export interface Usage {
  /** Audio heard or spoken, in milliseconds. */
  audio_ms?: number;
  /** Images seen or drawn. */
  images?: number;
  /** Tokens read. */
  input_tokens?: number;
  /** Tokens written. */
  output_tokens?: number;
}

/** What a check has shown about one answer. */
export type Verdict = "valid" | "failed" | "undecided";

/** A voice that a worker can speak with. */
export interface VoiceInfo {
  /** What a [`SpeakTask`] calls it. */
  id: string;
  /** Its language, as in ISO 639-1, perhaps with a region. */
  language: string;
  /** What people call it. */
  name: string;
}

/**
 * The data of `mtor.voice.timing`: how long a spoken turn took, as whoever asked saw it. All in milliseconds, each from
 * the end of the stage before it, the first from the last sound of the question.
 */
export interface VoiceTiming {
  /** Until the end of the question was noticed. */
  endpointing_ms?: number | null;
  /** Until it was heard. */
  first_audio_ms?: number | null;
  /** Until the answer began. */
  first_token_ms?: number | null;
  /** Until its words were there. */
  transcription_ms?: number | null;
}

/**
 * Wait until somebody says a wake word: the intent's model is the word, `default` any. The sound comes as binary input frames,
 * raw as [`AudioSource::Pcm`] says, while it is heard; the answer is a [`Woken`] in JSON.
 */
export interface WakeTask {
  audio_ms_max?: number | null;
}

/** `GET /api/wallets/{did}`. */
export interface WalletInfo {
  /** Of what was held back, what is at stake because answers were proven wrong (`GET /api/trust`); absent when it is nothing. */
  at_stake?: Micro;
  /** What can be spent now. */
  available: Micro;
  /** How much of what is available can be spent, but not sent; absent when it is none. */
  bound?: Micro;
  /** Whose. */
  did: Did;
  /** Its account, public. */
  guid: AccountId;
  /** What is held for jobs that are not settled. */
  held: Micro;
  /** What its workers have earned that is held back, by what they worked in; absent when it is nothing. */
  late?: LatePay[];
  /** What came in, ever. */
  received: Micro;
  /** What its recovery key has asked for; absent when that is nothing. */
  recovery?: RecoveryPending | null;
  /** What went out, ever. */
  spent: Micro;
  /** The starter coins that it can still get, once, by `POST /api/wallets/{did}/starter`; absent when it can't. */
  starter?: Micro | null;
}

/** `GET /api/wallets/{did}/recovery`, and the data of `mtor.wallet.keys`: how a wallet's keys stand. */
export interface WalletKeysInfo {
  /** The wallet's account, whatever its key. */
  account: AccountId;
  /** How long the wallet has to say no, in seconds. */
  delay_s: number;
  /** Its key. */
  key: KeyId;
  /** What the recovery key asked for, until it takes effect or the wallet says no. */
  pending?: RecoveryPending | null;
  /** The key that may ask for it. */
  recovery?: KeyId | null;
}

/** What a wallet has of the realm now. */
export interface WalletShare {
  /** Whose. */
  account: AccountId;
  /** Jobs that wait for a worker. */
  queued: number;
  /** Jobs that a worker has. */
  running: number;
}

/** The data of `mtor.job.watch`. */
export interface Watch {
  /** Only events with a greater sequence; 0 for all. */
  after?: number;
}

/** The data of `mtor.session.welcome`. */
export interface Welcome {
  /** For a worker: beat at least this often, in milliseconds. */
  beat_ms: number;
  /** Who you are to the realm. */
  did: Did;
  /** The realm's name. */
  realm_name: string;
  /** As what. */
  role: SessionRole;
}

/** The data of `mtor.worker.failed` (worker to broker): it can't be done here. */
export interface WorkFailed {
  /** The assignment. */
  lease: number;
  /** Why. */
  problem: Problem;
  /** Whether another worker may do better. */
  retry: boolean;
  /** What was used before it failed. */
  usage?: Usage;
}

/**
 * The data of `mtor.worker.part` (worker to broker): a part of the answer that is no text. Its bytes follow at once as
 * binary output frames, with nothing else for this job between them.
 */
export interface WorkPart {
  /** The assignment. */
  lease: number;
  /** What comes. */
  part: NewPart;
}

/**
 * The data of `mtor.worker.partial` (worker to broker): what the answer looks like so far, to be replaced by the next
 * one or by the answer itself. It is no part of the answer.
 */
export interface WorkPartial {
  /** The assignment. */
  lease: number;
  /** What is heard so far. */
  text: string;
}

/** `GET /api/workers`: one worker. */
export interface WorkerInfo {
  /** Its key: the wallet that is paid. */
  did: Did;
  /** Whether it takes no new jobs. */
  draining: boolean;
  /** Coins earned in this session. */
  earned: Micro;
  /** Whether it is of the house: the realm itself attached it. */
  house?: boolean;
  /** Its session with this broker; a worker that comes back has another. */
  id: number;
  /** Jobs done in this session. */
  jobs_done: number;
  /** What people call it. */
  name: string;
  /** What it offers. */
  offers: OfferInfo[];
  /** What comparing its answers with those of others has shown; empty before the first verdict. */
  records?: TrustInfo[];
  /** Since when it is here. */
  since: Timestamp;
  /** Program and version. */
  software: string;
}

export type WorkerList = WorkerInfo[];

/** The data of every type of event. */
export interface EventData {
  "mtor.error": Problem;
  "mtor.intent.resolve": Resolve;
  "mtor.intent.resolved": Resolved;
  "mtor.job.accepted": Accepted;
  "mtor.job.assigned": Assigned;
  "mtor.job.cancel": Cancel;
  "mtor.job.cancelled": Cancelled;
  "mtor.job.chunk": Chunk;
  "mtor.job.completed": Completed;
  "mtor.job.failed": Failed;
  "mtor.job.order": Order;
  "mtor.job.part": Part;
  "mtor.job.partial": Partial;
  "mtor.job.queued": Queued;
  "mtor.job.submit": Submit;
  "mtor.job.watch": Watch;
  "mtor.plan.answer": PlanAnswer;
  "mtor.plan.ask": PlanAsk;
  "mtor.plan.cancel": Cancel;
  "mtor.plan.state": Plan;
  "mtor.plan.watch": PlanWatch;
  "mtor.quote": Quote;
  "mtor.quote.ask": Submit;
  "mtor.realm.flow": RealmFlow;
  "mtor.realm.status": RealmStatus;
  "mtor.realm.watch": RealmWatch;
  "mtor.session.challenge": Challenge;
  "mtor.session.hello": Hello;
  "mtor.session.welcome": Welcome;
  "mtor.voice.timing": VoiceTiming;
  "mtor.wallet.keys": WalletKeysInfo;
  "mtor.worker.announce": Announcement;
  "mtor.worker.beat": Beat;
  "mtor.worker.chunk": Piece;
  "mtor.worker.done": Done;
  "mtor.worker.drain": Drain;
  "mtor.worker.failed": WorkFailed;
  "mtor.worker.part": WorkPart;
  "mtor.worker.partial": WorkPartial;
  "mtor.worker.run": Run;
  "mtor.worker.stop": Stop;
}
