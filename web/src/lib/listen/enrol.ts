/**
 * A phrase of somebody's own, from three sayings of it and without training.
 *
 * A saying is a path through the space of the speech embedding, a point for each 80 ms. Dynamic time warping lays the end
 * of what was just heard along each saying; the distance is the mean angle between matched points. How unlike the sayings
 * are among themselves says how near is near enough. It knows the speaker and the room better than a trained head, and
 * strangers less well.
 */

import { EMBEDDING_CENTRE, EMBEDDING_SPREAD } from "./embedding-statistics";
import { EMBEDDING_SIZE, SAMPLES_MAX, SAMPLES_MIN } from "./limits";
import { SampleProblem, type EnrolledPhrase, type PhraseSample } from "./types";

/** Said slower than the samples by up to this factor. */
const STRETCH_MAX = 1.5;
/** The distance at which the score is 0.5, from the mean distance between samples. */
const SCALE_FACTOR = 1.25;
/** Bounds of it: samples can be too alike (one recording played thrice) or too unlike. */
const SCALE_MIN = 0.18;
const SCALE_MAX = 0.45;
/** Samples further apart than this are not the same phrase. */
const UNLIKE = 0.5;
/** How steeply the score falls with distance. */
const STEEPNESS = 14;

/** A phrase from three or more sayings. Throws `SampleProblem` when they are too few or not alike. */
export function enrol(id: string, name: string, samples: readonly PhraseSample[]): EnrolledPhrase {
  if (samples.length < SAMPLES_MIN || samples.length > SAMPLES_MAX) {
    throw new SampleProblem("unlike", `a phrase is learned from ${SAMPLES_MIN} to ${SAMPLES_MAX} sayings, not ${samples.length}`);
  }
  const templates = samples.map((sample) => sample.features.slice());
  const paths = templates.map(points);
  const nearest = paths.map((path, index) => {
    const others = paths.filter((_, other) => other !== index);
    return Math.min(...others.map((other) => alignedDistance(path, other)));
  });
  const odd = nearest.findIndex((distance) => distance > UNLIKE);
  if (odd >= 0) {
    const distance = nearest[odd]!.toFixed(2);
    throw new SampleProblem("unlike", `saying ${odd + 1} is not like the others: distance ${distance}, at most ${UNLIKE}`);
  }
  const mean = nearest.reduce((sum, distance) => sum + distance, 0) / nearest.length;
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, mean * SCALE_FACTOR));
  return { id, name, templates, scale };
}

export class PhraseMatcher {
  /** How many embeddings `score` wants to see. */
  readonly rows: number;
  readonly #templates: Float32Array[][];
  readonly #scale: number;

  constructor(phrase: EnrolledPhrase) {
    if (phrase.templates.length === 0 || phrase.templates.some((rows) => rows.length === 0 || rows.length % EMBEDDING_SIZE !== 0)) {
      throw new RangeError(`the phrase "${phrase.name}" holds no features; record it anew`);
    }
    this.#templates = phrase.templates.map(points);
    this.#scale = phrase.scale;
    this.rows = Math.ceil(Math.max(...this.#templates.map((path) => path.length)) * STRETCH_MAX);
  }

  /** 0.5 at the phrase's scale, towards 1 nearer by. */
  score(embeddings: Float32Array): number {
    const heard = points(embeddings);
    const distance = Math.min(...this.#templates.map((template) => endingDistance(template, heard)));
    return 1 / (1 + Math.exp(STEEPNESS * (distance / this.#scale - 1)));
  }
}

/** Rows as points of length one, each dimension first set to the same centre and spread. */
function points(rows: Float32Array): Float32Array[] {
  return Array.from({ length: rows.length / EMBEDDING_SIZE }, (_, row) => {
    const point = new Float32Array(EMBEDDING_SIZE);
    let norm = 0;
    for (let index = 0; index < EMBEDDING_SIZE; index++) {
      const value = (rows[row * EMBEDDING_SIZE + index]! - EMBEDDING_CENTRE[index]!) / EMBEDDING_SPREAD[index]!;
      point[index] = value;
      norm += value * value;
    }
    return point.map((value) => value / Math.sqrt(norm || 1));
  });
}

/** From 0 (the same direction) over 0.5 (nothing in common) to 1. */
function apart(first: Float32Array, second: Float32Array): number {
  let dot = 0;
  for (let index = 0; index < first.length; index++) dot += first[index]! * second[index]!;
  return (1 - dot) / 2;
}

/** How far a saying is from another one, from beginning to end. */
function alignedDistance(first: Float32Array[], second: Float32Array[]): number {
  return (warped(first, second, false) + warped(second, first, false)) / 2;
}

/** How far the template is from what was heard, wherever in it the phrase began; it ends now. */
function endingDistance(template: Float32Array[], heard: Float32Array[]): number {
  return warped(template, heard, true);
}

/** Time warping: the mean distance along the best path that goes through all of the template, per point of it. */
function warped(template: Float32Array[], heard: Float32Array[], anyBeginning: boolean): number {
  let previous = new Float64Array(heard.length + 1).fill(anyBeginning ? 0 : Number.POSITIVE_INFINITY);
  previous[0] = 0;
  for (const point of template) {
    const row = new Float64Array(heard.length + 1).fill(Number.POSITIVE_INFINITY);
    for (let index = 1; index <= heard.length; index++) {
      const cost = apart(point, heard[index - 1]!);
      // Next in both; a point of the template heard longer (dear, so that it does not wait for ever); or skipped over.
      row[index] = Math.min(previous[index - 1]! + cost, row[index - 1]! + cost * 0.5, previous[index]! + cost);
    }
    previous = row;
  }
  return previous[heard.length]! / template.length;
}
