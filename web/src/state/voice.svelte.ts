/**
 * The voice of the page: gives the conversation (lib/voice/machine) its microphone, loudspeaker, clock and jobs. What is
 * to be done is decided there; here it is done.
 */

import { isFinal, type Answer } from "../lib/answer";
import type { Api } from "../lib/api";
import {
  BARGE_MS, CHOICE_MS, CONFIRM_MS, DEAF_MS, HEAR_FRAME_SAMPLES, PUSH_KEEP_MS, RESOLVE_MS_MAX,
  WORDS_MS_MAX,
} from "../lib/defaults";
import { withoutPhrase } from "../lib/listen/phrase";
import type { BuiltInPhrase, EnrolledPhrase } from "../lib/listen/types";
import type { Means } from "../lib/conversation";
import { micro, priceShort } from "../lib/money";
import { isOver, spokenEnd, spokenQuestion, spokenStep, type PlanQuestion } from "../lib/plan";
import { t } from "../lib/strings";
import { lasts, needsYes, partsOf } from "../lib/tools";
import { Feed } from "../lib/voice/feed";
import { Gauge } from "../lib/voice/gauge";
import {
  newVoice, presenceOf, step, type Choice, type Command, type Line, type Meaning, type Timer, type VoiceEvent,
} from "../lib/voice/machine";
import { drawing, meaningOf, type Sure, type Tools } from "../lib/voice/meaning";
import { FrameGatherer } from "../lib/voice/pcm";
import { restOf } from "../lib/voice/script";
import { within, type VoiceSettings } from "../lib/voice/settings";
import { stagesOf, timingOf, type Mark, type Marks, type Timing } from "../lib/voice/timing";
import { choiceOf, isEcho, plainWords, readTranscript } from "../lib/voice/transcript";
import type { Intent, Problem, Quote, Resolved, VoiceInfo, VoiceTiming, WorkerInfo } from "../lib/wire";
import type { Conversations } from "./conversations.svelte";
import type { Jobs } from "./jobs.svelte";
import { Microphone } from "./microphone";
import { preferences } from "./preferences.svelte";
import { Quotes } from "./quotes";
import { go, route } from "./route.svelte";
import type { PlanEntry, Plans } from "./plans.svelte";
import { playSound } from "./sounds";
import { Speaker } from "./speaker";
import { tongue } from "./tongue.svelte";
import type { Stream, Streams } from "./streams";

export interface VoiceOptions {
  api: Api;
  jobs: Jobs;
  plans: Plans;
  conversations: Conversations;
  streams: Streams;
  workers: () => readonly WorkerInfo[];
  /** The timing of a whole turn, for the realm's metrics. */
  report: (timing: VoiceTiming) => void;
}

/** Something that is spoken: an answer as it is written, or words of the page. */
interface Speech {
  number: number;
  /** Everything that was or will be said, the part before an interruption included. */
  text: () => string;
  /** What was said of it before. */
  before: string;
  /** Whether the text is whole. */
  whole: () => boolean;
  feed: Feed;
  stream?: Stream;
}

/** How long the words that the page said by itself stay to be read. */
const LINE_MS = 8_000;
/** What is typed at greater length is no order for a tool. */
const TYPED_ORDER_CHARS_MAX = 400;
/** How often the words that are heard are looked up while the realm speaks. */
const CAPTION_MS = 100;

export class Voice {
  talk = $state.raw(newVoice(preferences.voice.mode));
  /** The words that are heard now. */
  caption = $state("");
  /** What the page says by itself. */
  line = $state("");
  /** When words that were hard to understand are asked, by the clock of `performance.now()`. */
  confirmAt = $state(0);
  /** The stages of the latest spoken turn. */
  timing = $state.raw<Partial<Timing>>({});
  /** The microphone brings nothing but zeros. */
  silent = $state(false);
  readonly presence = $derived(presenceOf(this.talk));

  #options: VoiceOptions;
  #quotes: Quotes;
  #mic: Microphone;
  #speaker = new Speaker();
  #gauge = new Gauge();
  #level = 0;
  /** When the voice began that was noticed last. */
  #voiceSince = 0;
  #heardSound = false;
  #timers = new Map<Timer | "push" | "line" | "deaf", ReturnType<typeof setTimeout>>();
  #captions: ReturnType<typeof setInterval> | undefined;
  #hearing: { stream: Stream; gatherer: FrameGatherer } | undefined;
  #speech: Speech | undefined;
  /** What was said last, as far as it got. */
  #last: Pick<Speech, "text" | "before" | "whole"> | undefined;
  /** The words of the realm's voice that may still be in the room. */
  #said = "";
  /** What could be chosen from when somebody began to speak. */
  #offered: readonly Choice[] = [];
  #job: string | undefined;
  /** The plan that is heard in this turn, rather than a job. */
  #plan: string | undefined;
  #unhear: (() => void) | undefined;
  /** The answer of this turn comes in two parts. */
  #lasting = false;
  /** What bells rang for while somebody spoke. */
  #bells: string[] = [];
  #language: string | undefined;
  #marks: Marks = {};
  #phrases = new Map<string, EnrolledPhrase>();

  constructor(options: VoiceOptions) {
    this.#options = options;
    this.#quotes = new Quotes(options.api, options.streams);
    this.#speaker.volume = preferences.voice.volume;
    this.#mic = new Microphone({
      mic: (mic) => this.#on({ type: "mic", mic }),
      woke: (wake) => this.#on({ type: "woke", own: this.#saysPhrase(wake.phrase) }),
      voiceBegan: (start) => {
        this.#voiceSince = start.atMs;
        this.#gauge.begin(this.#level);
        this.#on({ type: "voice-began" });
      },
      voiceEnded: (end) => {
        if (end.reason !== "silent") this.#mark("voice", end.atMs, "end");
        this.#on({ type: "voice-ended", silent: end.reason === "silent" });
      },
      frame: (samples) => {
        const bytes = this.#hearing?.gatherer.add(samples);
        if (bytes) this.#hearing?.stream.send(bytes);
      },
      level: (rms) => this.#measured(rms),
    });
  }

  // --- What the page asks and does --------------------------------------------------------------------------------------

  /** Whether some worker writes down speech. */
  get hasEars(): boolean {
    return this.#offers("transcribe").length > 0;
  }

  get voices(): VoiceInfo[] {
    const all = this.#offers("speak").flatMap((offer) => offer.voices ?? []);
    return [...new Map(all.map((voice) => [voice.id, voice])).values()];
  }

  get hasVoice(): boolean {
    return this.#offers("speak").length > 0;
  }

  /** Loudness now, of whoever speaks: root mean square. */
  level(): number {
    return this.talk.phase === "speaking" && !this.talk.ducked ? this.#speaker.level : this.#level;
  }

  get microphone(): Microphone {
    return this.#mic;
  }

  /** If the microphone was on when the page was last left and the browser still allows it, it is on again. */
  async comeBack(): Promise<void> {
    if (!preferences.voice.listening || preferences.voice.mode === "push") return;
    const permission = await navigator.permissions?.query({ name: "microphone" as PermissionName }).catch(() => undefined);
    if (permission?.state === "granted") await this.#open("leave");
  }

  press(): void {
    this.#speaker.unlock();
    this.line = "";
    if (!this.hasEars) return this.#show(t.voice.noEars);
    this.#on({ type: "press" });
  }

  release(tap: boolean): void {
    if (!tap) this.#mark("voice", performance.now(), "end");
    this.#on({ type: "release", tap });
  }

  /** The button in the header: on, muted, on again; after a problem, once more. */
  toggle(): void {
    this.#speaker.unlock();
    this.line = "";
    const { mic, muted } = this.talk;
    if (mic === "opening") return;
    if (mic === "on") return this.mute(!muted);
    if (!this.hasEars) return this.#show(t.voice.noEars);
    preferences.change({ listening: true });
    void this.#open(mic === "other-tab" ? "take" : "ask");
  }

  mute(muted: boolean): void {
    this.#mic.mute(muted);
    this.#on({ type: "mute", muted });
  }

  edit(): void {
    this.#on({ type: "edit" });
  }

  confirm(text: string): void {
    this.#on({ type: "confirm", text });
  }

  choose(index: number): void {
    this.#on({ type: "choose", index });
  }

  dismiss(): void {
    this.line = "";
    this.#on({ type: "dismiss" });
  }

  control(control: Extract<VoiceEvent, { type: "control" }>["control"]): void {
    this.#speaker.unlock();
    this.#on({ type: "control", control });
  }

  /** A question was typed: it ends what is being said, and may be answered aloud. */
  typed(conversation: string): void {
    const aloud = preferences.voice.alwaysSpeak && this.hasVoice;
    if (aloud) this.#speaker.unlock();
    this.#marks = {};
    this.#on({ type: "typed", aloud });
    if (aloud) return this.#follow(this.talk.turn, conversation);
    const latest = this.#options.conversations.get(conversation)?.turns.at(-1);
    const job = latest?.jobs.at(-1);
    if (job === undefined || !lasts(latest?.tool)) return;
    // Somebody will have to hear it ring.
    if (this.hasVoice) this.#speaker.unlock();
    this.expect(job);
  }

  /** Settings were changed. */
  change(some: Partial<VoiceSettings>): void {
    preferences.change(some);
    const now = preferences.voice;
    this.#speaker.volume = now.volume;
    if (this.#mic.isOpen && ("phrase" in some || "threshold" in some)) this.#mic.set(this.#ear());
    this.#on({ type: "mode", mode: now.mode });
  }

  /** Lets the person hear the voice as it is set. */
  test(): void {
    this.#speaker.unlock();
    this.#on({ type: "typed", aloud: true });
    const text = t.settings.testWords;
    this.#speak({ number: this.talk.speech, text: () => text, before: "", whole: () => true, feed: new Feed() });
  }

  /** Phrases of the person's own that the ear may be set to. */
  know(phrases: readonly EnrolledPhrase[]): void {
    this.#phrases = new Map(phrases.map((phrase) => [phrase.id, phrase]));
    if (this.#mic.isOpen) this.#mic.set(this.#ear());
  }

  /** The wake phrase as it is called. */
  get phraseName(): string {
    const { phrase } = preferences.voice;
    return this.#phrases.get(phrase)?.name ?? capital(phrase);
  }

  // --- What the machine wants done --------------------------------------------------------------------------------------

  #on(event: VoiceEvent): void {
    const [talk, commands] = step(this.talk, event);
    this.talk = talk;
    for (const command of commands) this.#do(command);
    if (this.talk.phase === "idle" && this.#bells.length > 0) queueMicrotask(() => this.#ringIfQuiet());
  }

  #do(command: Command): void {
    switch (command.do) {
      case "open-mic": return void this.#open(this.talk.mic === "other-tab" ? "take" : "ask");
      case "capture": return this.#mic.capture(command.hold, command.again);
      case "listen": return this.#listen();
      case "transcribe": return this.#transcribe(command.turn);
      case "end-transcribe": return this.#endTranscribe();
      case "cancel-transcribe": return this.#cancelTranscribe();
      case "resolve": return void this.#resolve(command.turn, command.text);
      case "price": return void this.#price(command.turn, command.text, command.agreed, command.tool);
      case "ask": return this.#ask(command);
      case "word": return this.#word(command);
      case "cancel-answer":
        if (this.#plan) this.#options.plans.cancel(this.#plan);
        else if (this.#job) this.#options.jobs.cancel(this.#job);
        return;
      case "speak-answer": return this.#speakAnswer(command.speech);
      case "speak-again": return this.#speakLast(command.speech, true);
      case "speak-rest": return this.#speakLast(command.speech, false);
      case "say": return this.#say(command.speech, command.line);
      case "duck": return this.#speaker.duck(command.on);
      case "silence": return this.#silence();
      case "sound": return this.#sound(command.sound);
      case "adjust": return this.#adjust(command.setting, command.by);
      case "mute": return this.#mic.mute(command.muted);
      case "timer": return this.#ring(command.timer);
      case "clear": return this.#clear(command.timer);
    }
  }

  // --- Listening --------------------------------------------------------------------------------------------------------

  async #open(other: "ask" | "take" | "leave" = "ask"): Promise<void> {
    this.#heardSound = false;
    this.silent = false;
    await this.#mic.open(this.#ear(), other);
    if (this.talk.mic === "on") this.#after("deaf", DEAF_MS, () => (this.silent = !this.#heardSound && this.#mic.isOpen && !this.talk.muted));
  }

  #ear() {
    const { phrase, threshold } = preferences.voice;
    return { phrase: this.#phrases.get(phrase) ?? ("computer" as BuiltInPhrase), threshold };
  }

  /** The ear waits for the wake word, for a voice, or rests; in push to talk the microphone is given back in the end. */
  #listen(): void {
    this.#level = 0;
    const { mode, muted } = this.talk;
    this.#mic.rest(muted || mode === "push" ? "off" : "wake");
    this.#clear("push");
    if (mode === "push" && this.#mic.isOpen) this.#after("push", PUSH_KEEP_MS, () => this.#mic.close());
  }

  #measured(rms: number): void {
    this.#level = rms;
    if (rms > 0 && !this.#heardSound) {
      this.#heardSound = true;
      this.silent = false;
    }
    if (this.talk.ducked && this.#gauge.faded(rms)) this.#on({ type: "voice-faded" });
  }

  #transcribe(turn: number): void {
    this.#clear("push");
    this.line = "";
    this.#marks = {};
    this.timing = {};
    if (!this.hasEars) return this.#later({ type: "deaf", turn, why: t.voice.noEars });
    const params = {
      source: "pcm", detail: true, partials: true, ...(preferences.voice.language ? { language: preferences.voice.language } : {}),
    } as const;
    const stream = this.#options.streams.open({ capability: "transcribe", model: "default", params }, {
      partial: (text) => this.#on({ type: "partial", turn, text: this.#withoutPhrase(text) }),
      done: (answer) => this.#heard(turn, answer),
      failed: (problem) => this.#on({ type: "deaf", turn, why: why(problem) }),
    });
    this.#hearing = { stream, gatherer: new FrameGatherer(HEAR_FRAME_SAMPLES) };
  }

  #endTranscribe(): void {
    const hearing = this.#hearing;
    this.#hearing = undefined;
    const rest = hearing?.gatherer.rest();
    if (rest) hearing?.stream.send(rest);
    hearing?.stream.end();
    this.#writing = hearing?.stream;
  }

  /** The speech that is over and whose words are still to come. */
  #writing: Stream | undefined;

  #cancelTranscribe(): void {
    this.#hearing?.stream.cancel();
    this.#writing?.cancel();
    this.#hearing = this.#writing = undefined;
  }

  #heard(turn: number, answer: string): void {
    const heard = readTranscript(answer);
    const text = this.#withoutPhrase(heard.text);
    this.#writing = undefined;
    this.#language = heard.language ?? this.#language;
    const labels = this.talk.choices.map((choice) => choice.label);
    const choice = labels.length > 0 ? choiceOf(text, labels, t.voice.places) : undefined;
    // What was asked back may be answered in other words than those on the buttons.
    this.#offered = choice === undefined ? this.talk.choices : [];
    const own = this.talk.interrupted && isEcho(text, this.#said);
    this.#mark("words");
    if (text === "" && this.talk.via !== "voice") this.#show(t.voice.nothingHeard);
    this.#on({ type: "heard", turn, text, sure: heard.sure, own, choice });
  }

  /** A transcript without the wake word at its front. */
  #withoutPhrase(text: string): string {
    return withoutPhrase(text, this.phraseName).trim();
  }

  /** Whether the realm itself may have said the wake phrase just now. */
  #saysPhrase(phrase: string): boolean {
    if (!this.#speech) return false;
    const said = plainWords(this.#speaker.words).join(" ");
    return said.includes(plainWords(phrase).join(" "));
  }

  // --- Meaning and asking -----------------------------------------------------------------------------------------------

  async #resolve(turn: number, text: string): Promise<void> {
    this.#leaveOutHesitation();
    this.#on({ type: "meant", turn, meaning: await this.#meaning(text) });
  }

  async #meaning(text: string): Promise<Meaning> {
    const asked = { text, language: this.#language ?? preferences.voice.language, wake_word: this.phraseName };
    const resolved = await this.#options.api.resolve(asked).catch(() => undefined);
    const answered = this.#answerTo(this.#offered.length > 0 ? this.#offered : this.#asksHere(), resolved);
    this.#offered = [];
    if (answered) return answered;
    const understood = this.#askFirst(meaningOf(resolved, text, await this.#tools(resolved)));
    // With nothing to go on with, it is the model that is asked for more.
    const isMore = understood.kind === "control" && understood.control === "continue" && !this.talk.interrupted;
    // With a picture at hand, what is said is about that picture.
    const { album } = this.#options.conversations;
    const isShown = album.pictures.length > 0 && understood.kind !== "control";
    const looksBack = understood.kind === "nobody" && understood.capability === "vision" && this.#options.conversations.carried(this.#conversation).length > 0;
    const meaning: Meaning = isMore || isShown || looksBack ? { kind: "ask", text } : understood;
    if (meaning.kind !== "ask" || meaning.plan) return meaning;
    if (meaning.tool) return meaning.tool.capability === "imagine" ? this.#unlessDear(meaning.text, undefined, meaning.tool) : meaning;
    return this.#unlessDear(meaning.text);
  }

  /** What a plan in this conversation asks, as the choices that somebody has. */
  #asksHere(): readonly Choice[] {
    const turn = this.#options.conversations.get(this.#conversation)?.turns.at(-1);
    const id = turn?.plan ? turn.jobs.at(-1) : undefined;
    const [question] = this.#options.plans.questions(id);
    return id !== undefined && question ? choicesOf(id, question) : [];
  }

  /** What the realm's tools are, as far as the words that were understood have to do with one. */
  async #tools(resolved: Resolved | undefined): Promise<Tools> {
    const isOffered = (capability: string) => this.#offers(capability).length > 0;
    const acts = resolved?.understanding.kind === "act" && resolved.understanding.intent;
    // What a tool does to the world is told when it is asked for, and not with every change of the realm.
    const workers = acts ? await this.#options.api.workers().catch(() => []) : [];
    const tool = (capability: string) =>
      workers.flatMap((worker) => worker.offers).find((offer) => offer.capability === capability)?.tool ?? undefined;
    return {
      isOffered, needsYes: (capability) => !resolved || needsYes(tool(capability), resolved.by), effect: (capability) => tool(capability)?.effect,
    };
  }

  /** Asks the person first, where they have to say yes. */
  #askFirst(meaning: Meaning | Sure): Meaning {
    if (meaning.kind !== "sure") return meaning;
    const { capabilities, somethingLike, lines } = t.voice;
    const choices = [
      { label: t.voice.yes, meaning: meaning.meaning },
      { label: t.voice.no, meaning: { kind: "control", control: "nothing" } },
    ] as const;
    const what = capabilities[meaning.capability] ?? somethingLike(meaning.capability);
    const tool = meaning.meaning.kind === "ask" ? meaning.meaning.tool : undefined;
    // What sends is said whole, before anybody says yes to it.
    const question = meaning.effect === "sends" && tool ? spokenStep(meaning.effect, tool.params as Record<string, unknown>) : lines.sure(what);
    return { kind: "unsure", question, choices: [...choices] };
  }

  /** By what these words are answered when they are typed; nothing when they are for a model, or had to be asked about first. */
  async meansFor(text: string): Promise<Means | undefined> {
    if (text.length > TYPED_ORDER_CHARS_MAX) return undefined;
    const asked = { text, language: preferences.voice.language || tongue.current };
    const soon = new Promise<undefined>((done) => setTimeout(done, RESOLVE_MS_MAX, undefined));
    const resolved = await Promise.race([this.#options.api.resolve(asked).catch(() => undefined), soon]);
    const meaning = meaningOf(resolved, text, await this.#tools(resolved));
    if (meaning.kind === "ask" && meaning.tool) return { tool: meaning.tool };
    if (meaning.kind === "ask" && meaning.plan) return { plan: meaning.plan };
    const understanding = resolved?.understanding;
    if (meaning.kind !== "nobody" || understanding?.kind !== "act" || resolved?.by !== "rules") return undefined;
    // Nobody draws here: then that is what is to be told, and no model describes a picture instead.
    const tool = drawing(meaning.capability, understanding.text);
    return tool && { tool };
  }

  /** A bell that rings when a job is over, in whatever conversation it was asked for. */
  expect(job: string): void {
    this.#options.jobs.hear(job, (answer) => {
      if (!isFinal(answer.state)) return;
      const { second } = partsOf(answer.text);
      if (answer.state === "completed" && second) this.#bells.push(second);
      queueMicrotask(() => this.#ringIfQuiet());
    });
  }

  #ringIfQuiet(): void {
    if (this.talk.phase !== "idle" || this.#bells.length === 0) return;
    const text = this.#bells.splice(0).join(" ");
    this.#sound("woke");
    this.#on({ type: "bell", text });
  }

  /** What a yes or a no, in whichever words, means for what was asked back. */
  #answerTo([yes, no]: readonly Choice[], resolved: Resolved | undefined): Meaning | undefined {
    const understanding = resolved?.understanding;
    const isConsent = yes?.meaning.kind === "agreed" || yes?.meaning.kind === "word" || (yes?.meaning.kind === "ask" && no?.meaning.kind === "control");
    if (!yes || !isConsent || understanding?.kind !== "control") return undefined;
    if (understanding.control === "yes") return yes.meaning;
    return understanding.control === "no" ? no?.meaning : undefined;
  }

  /** A yes counts for what was agreed to: if the quote has run out since, the question is quoted anew. */
  async #price(turn: number, text: string, agreed: Quote, tool: Intent | undefined): Promise<void> {
    this.#on({ type: "meant", turn, meaning: await this.#unlessDear(text, agreed, tool) });
  }

  /** The question with its quote; where that is above what was agreed to, or may be spent unasked, the person decides. */
  async #unlessDear(text: string, agreed?: Quote, tool?: Intent): Promise<Meaning> {
    const limit = agreed ? micro(agreed.max) : this.#quotes.unaskedMost;
    if (limit === 0n) return { kind: "ask", text, tool };
    const wanted = tool ?? this.#options.conversations.messages(text, this.#conversation);
    const quote = agreed && this.#quotes.holds(agreed) ? agreed : await this.#quotes.ask(wanted, "voice");
    if (!quote || micro(quote.max) <= limit) return { kind: "ask", text, quote: quote?.expires, most: agreed?.max, tool };
    const choices = [
      { label: t.voice.yes, meaning: { kind: "agreed", text, quote, tool } },
      { label: t.voice.no, meaning: { kind: "control", control: "nothing" } },
    ] as const;
    return { kind: "dear", price: t.units.coins(priceShort(micro(quote.max))), choices: [...choices] };
  }

  get #conversation(): string | undefined {
    return route.view === "ask" ? route.id : route.conversation;
  }

  #ask({ turn, text, quote, most, tool, plan }: Extract<Command, { do: "ask" }>): void {
    const { conversations } = this.#options;
    const limit = this.#quotes.unaskedMost;
    // Whatever happens on the way, also when nobody could say what it costs: the realm refuses the job before it costs more.
    const max_price = most ?? (limit > 0n ? limit.toString() : undefined);
    const means = tool ? { tool } : plan && { plan };
    const id = conversations.ask(text, this.#conversation, { class: "voice", quote, max_price }, means);
    go("ask", id);
    this.#follow(turn, id);
  }

  /** Hears how the latest question of a conversation is answered. */
  #follow(turn: number, conversation: string): void {
    const { conversations, jobs } = this.#options;
    const latest = conversations.get(conversation)?.turns.at(-1);
    const job = latest?.jobs.at(-1);
    if (job === undefined) return;
    if (latest?.plan) return this.#followPlan(turn, job);
    this.#job = job;
    this.#plan = undefined;
    this.#unhear?.();
    this.#unhear = undefined;
    this.#lasting = lasts(latest?.tool);
    if (this.#lasting) return this.#followFirstPart(turn, job);
    let began = false;
    this.#unhear = jobs.hear(job, (answer) => {
      if (answer.text && !began) {
        began = true;
        this.#mark("token");
        this.#later({ type: "answer-began", turn });
      }
      this.#feed();
      if (!isFinal(answer.state)) return;
      this.#later({ type: "answer-ended", turn, failed: failure(answer) });
      if (!answer.text && answer.state !== "failed") this.#later({ type: "speech-failed", speech: this.talk.speech });
    });
  }

  /** Says yes or no to a plan, and hears how it goes on from there. */
  #word({ turn, plan, step, yes }: Extract<Command, { do: "word" }>): void {
    this.#options.plans.answer(plan, { step }, yes);
    this.#followPlan(turn, plan);
  }

  /** Hears what a plan asks, one question after the other, and what comes of it. */
  #followPlan(turn: number, id: string): void {
    const { plans } = this.#options;
    this.#plan = id;
    this.#job = undefined;
    this.#lasting = false;
    this.#unhear?.();
    let asked: number | "all" | undefined;
    const hear = ({ plan, problem }: PlanEntry) => {
      if (problem) return this.#later({ type: "answer-ended", turn, failed: why(problem) });
      if (!plan) return;
      const [question] = plans.questions(id);
      const asks = question && (question.step ?? "all");
      if (asked !== undefined && asks !== asked) this.#later({ type: "answered", turn });
      if (question && asks !== asked) {
        this.#later({ type: "asked", turn, question: spokenQuestion(plan, question), choices: choicesOf(id, question) });
      }
      asked = asks;
      if (!isOver(plan.state)) return;
      this.#later({ type: "answer-began", turn });
      this.#later({ type: "answer-ended", turn });
    };
    this.#unhear = plans.hear(id, hear);
  }

  /** Hears the part of a lasting answer that comes at once; for the other one, a bell rings. */
  #followFirstPart(turn: number, job: string): void {
    let told = false;
    const { jobs } = this.#options;
    jobs.hear(job, (answer) => {
      const over = isFinal(answer.state);
      const { second } = partsOf(answer.text);
      if (!told && (over || answer.text.includes("\n\n"))) {
        told = true;
        if (answer.text) this.#later({ type: "answer-began", turn });
        this.#later({ type: "answer-ended", turn, failed: failure(answer) });
      }
      if (!over) return;
      if (answer.state === "completed" && second) this.#bells.push(second);
      queueMicrotask(() => this.#ringIfQuiet());
    });
  }

  // --- Speaking ---------------------------------------------------------------------------------------------------------

  #speakAnswer(number: number): void {
    const { jobs, plans } = this.#options;
    const plan = plans.get(this.#plan)?.plan;
    if (plan) {
      const words = spokenEnd(plan);
      return this.#speak({ number, text: () => words, before: "", whole: () => true, feed: new Feed() });
    }
    const job = this.#job;
    const lasting = this.#lasting;
    const all = () => jobs.latest(job)?.text ?? "";
    const text = () => (lasting ? partsOf(all()).first : all());
    const whole = () => lasting || isFinal(jobs.latest(job)?.state ?? "completed");
    this.#speak({ number, text, before: "", whole, feed: new Feed() });
  }

  #speakLast(number: number, fromTheBeginning: boolean): void {
    const last = this.#last;
    if (!last || !last.text()) return this.#later({ type: "speech-failed", speech: number });
    this.#speak({ ...last, number, before: fromTheBeginning ? "" : last.before, feed: new Feed() });
  }

  #say(number: number, line: Line): void {
    const text = words(line, (capability) => this.#offers(capability).length > 0);
    this.#show(text);
    this.#speak({ number, text: () => text, before: "", whole: () => true, feed: new Feed() });
  }

  /** What is left to say of a speech. */
  #left(speech: Pick<Speech, "text" | "before">): string {
    return speech.before ? restOf(speech.text(), speech.before) : speech.text();
  }

  #speak(speech: Speech): void {
    const { number } = speech;
    this.#silence();
    this.#last = { text: speech.text, before: speech.before, whole: speech.whole };
    const text = this.#left(speech);
    const whole = speech.whole();
    if (!this.hasVoice || (whole && !text.trim())) return this.#later({ type: "speech-failed", speech: number });
    this.#speech = speech;
    this.#said = "";
    this.#speaker.begin({
      began: () => {
        this.#mark("sound");
        this.#on({ type: "sound-began", speech: number });
      },
      ended: () => this.#spoken(number, "sound-ended"),
      failed: () => this.#spoken(number, "speech-failed"),
    });
    // All that is there goes along with the job; the feed must know of it.
    speech.feed.pieces(text);
    const { voice, language: spoken, speed } = preferences.voice;
    const lang = spoken || this.#language;
    const params = {
      text, more: !whole, format: "pcm", speed, ...(voice ? { voice } : {}), ...(lang ? { language: lang } : {}),
    } as const;
    speech.stream = this.#options.streams.open({ capability: "speak", model: "default", params }, {
      payload: (bytes) => this.#speaker.sound(bytes),
      text: (clause) => {
        this.#speaker.clause(clause);
        this.#said = this.#speaker.words;
      },
      done: () => this.#speaker.end(),
      failed: () => this.#spoken(number, "speech-failed"),
    });
    this.#captions = setInterval(() => (this.caption = this.#speaker.caption), CAPTION_MS);
  }

  /** Gives the speech what has been written since. */
  #feed(): void {
    const speech = this.#speech;
    if (!speech?.stream) return;
    for (const piece of speech.feed.pieces(this.#left(speech))) speech.stream.send(piece);
    if (speech.whole()) speech.stream.end();
  }

  #spoken(number: number, type: "sound-ended" | "speech-failed"): void {
    if (this.#speech?.number !== number) return;
    if (type === "sound-ended" && this.#last) this.#last.before = "";
    this.#quiet();
    this.#on({ type, speech: number });
  }

  #silence(): void {
    const spoken = this.#speaker.stop();
    const speech = this.#speech;
    if (speech && this.#last) this.#last = { ...this.#last, before: speech.before + spoken };
    speech?.stream?.cancel();
    this.#quiet();
  }

  #quiet(): void {
    clearInterval(this.#captions);
    this.#speaker.stop();
    this.#speech = undefined;
    this.caption = "";
  }

  #sound(sound: "woke" | "heard" | "error"): void {
    const context = preferences.voice.sounds ? this.#speaker.context : undefined;
    if (context) playSound(context, sound, preferences.voice.volume);
  }

  #adjust(setting: "volume" | "speed", by: number): void {
    preferences.change({ [setting]: within(setting, preferences.voice[setting] + by) });
    this.#speaker.volume = preferences.voice.volume;
  }

  // --- Clock, words, offers ---------------------------------------------------------------------------------------------

  #ring(timer: Timer): void {
    const voiceMs = performance.now() - this.#voiceSince;
    const after: Record<Timer, number> = {
      barge: Math.max(0, BARGE_MS - voiceMs), confirm: CONFIRM_MS, choice: CHOICE_MS, follow: preferences.voice.followUpS * 1000,
      words: WORDS_MS_MAX, resolve: RESOLVE_MS_MAX,
    };
    if (timer === "confirm") this.confirmAt = performance.now() + CONFIRM_MS;
    this.#after(timer, after[timer], () => this.#on({ type: "timer", timer }));
  }

  #after(name: Timer | "push" | "line" | "deaf", ms: number, run: () => void): void {
    this.#clear(name);
    this.#timers.set(name, setTimeout(run, ms));
  }

  #clear(name: Timer | "push" | "line" | "deaf"): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  /** After what is going on now: one event is dealt with at a time. */
  #later(event: VoiceEvent): void {
    queueMicrotask(() => this.#on(event));
  }

  /** Words of the page, for a while. */
  #show(text: string): void {
    this.line = text;
    this.#after("line", LINE_MS, () => (this.line = ""));
  }

  #mark(mark: Mark, at = performance.now(), now?: Mark): void {
    this.#marks[mark] ??= at;
    if (now) this.#marks[now] ??= performance.now();
    this.timing = stagesOf(this.#marks);
    if (mark !== "sound") return;
    const timing = timingOf(this.#marks);
    if (timing) this.#options.report(timing);
    this.#marks = {};
  }

  /** The time in which words could be changed is the person's own, and no part of the wait. */
  #leaveOutHesitation(): void {
    const { words } = this.#marks;
    if (words === undefined) return;
    const pause = performance.now() - words;
    for (const mark of ["voice", "end", "words"] as const) {
      const at = this.#marks[mark];
      if (at !== undefined) this.#marks[mark] = at + pause;
    }
  }

  #offers(capability: string) {
    return this.#options
      .workers()
      .filter((worker) => !worker.draining)
      .flatMap((worker) => worker.offers.filter((offer) => offer.capability === capability));
  }
}

/** A yes and a no to what a plan asks. */
function choicesOf(plan: string, { step }: PlanQuestion): Choice[] {
  return [true, false].map((yes) => ({ label: yes ? t.voice.yes : t.voice.no, meaning: { kind: "word", plan, step, yes } }));
}

/** The page's own words. */
function words(line: Line, isOffered: (capability: string) => boolean): string {
  const { lines, capabilities, somethingLike } = t.voice;
  switch (line.line) {
    case "nobody": {
      const what = capabilities[line.capability] ?? somethingLike(line.capability);
      if (!isOffered(line.capability)) return line.capability === "imagine" ? lines.nobodyDraws : lines.nobody(what);
      // There are eyes; what they lack is a picture: with one at hand, or shown before, it would have been asked.
      return line.capability === "vision" ? lines.showMe : lines.notHere(what);
    }
    case "dear": return lines.dear(line.price);
    case "failed": return lines.failed(line.why);
    case "which": return line.question ?? lines.which;
    case "bell": return line.text;
    default: return lines[line.line];
  }
}

/** A problem in words that can be spoken. */
function why(problem: Problem): string {
  if (problem.status === 0) return t.voice.lost;
  return problem.title;
}

function failure(answer: Answer): string | undefined {
  return answer.state === "failed" && answer.problem ? why(answer.problem) : undefined;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

