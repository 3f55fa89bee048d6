/** The geometry of the realm's picture: where everybody stands, and the ways between them. */

export interface Point {
  x: number;
  y: number;
}

export interface Places {
  /** Clients left, workers right; otherwise clients below, workers above. */
  wide: boolean;
  you: Point;
  others: Point;
  broker: Point;
  workers: Point[];
}

/** From this width on the realm is drawn from left to right. */
const WIDE_FROM = 560;

export function placesFor(width: number, height: number, workers: number): Places {
  const wide = width >= WIDE_FROM;
  // Along the line from clients to workers, and across it.
  const at = (along: number, across: number): Point =>
    wide ? { x: along * width, y: across * height } : { x: across * width, y: (1 - along) * height };
  const margin = workers === 2 ? 0.28 : wide ? 0.16 : 0.18;
  // Names stand above workers when they are at the top; they need room there.
  const far = wide ? 0.87 : 0.82;
  const spread = (index: number): Point => {
    if (workers === 1) return at(far, 0.5);
    const across = margin + ((1 - 2 * margin) * index) / (workers - 1);
    // On a shallow arc round the broker.
    const bow = Math.sin(Math.PI * (across - margin) / (1 - 2 * margin));
    return at(far - 0.07 * (1 - bow), across);
  };
  return {
    wide,
    you: at(0.13, 0.32),
    others: at(0.13, 0.68),
    broker: at(0.48, 0.5),
    workers: Array.from({ length: workers }, (_, index) => spread(index)),
  };
}

/** A way from one place to another: a cubic curve that leaves and arrives along the picture's main direction. */
export interface Way {
  from: Point;
  leave: Point;
  arrive: Point;
  to: Point;
}

export function wayBetween(from: Point, to: Point, wide: boolean): Way {
  const half = wide ? (to.x - from.x) / 2 : (to.y - from.y) / 2;
  return wide
    ? { from, leave: { x: from.x + half, y: from.y }, arrive: { x: to.x - half, y: to.y }, to }
    : { from, leave: { x: from.x, y: from.y + half }, arrive: { x: to.x, y: to.y - half }, to };
}

export function pathOf({ from, leave, arrive, to }: Way): string {
  const point = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return `M${point(from)}C${point(leave)} ${point(arrive)} ${point(to)}`;
}

/** The point at `part` (0 to 1) of the way. */
export function alongWay({ from, leave, arrive, to }: Way, part: number): Point {
  const rest = 1 - part;
  const mix = (a: number, b: number, c: number, d: number) =>
    rest ** 3 * a + 3 * rest ** 2 * part * b + 3 * rest * part ** 2 * c + part ** 3 * d;
  return { x: mix(from.x, leave.x, arrive.x, to.x), y: mix(from.y, leave.y, arrive.y, to.y) };
}

/** Something that travels a way, or a ring that spreads from a place. */
export interface Spark {
  /** Ways one after the other; a ring has one with equal ends. */
  ways: Way[];
  kind: "event" | "chunk" | "ring";
  tone: "own" | "other" | "good" | "bad";
  bornAt: number;
  livesMs: number;
}

export function sparkPoint(spark: Spark, age: number): Point {
  const legs = spark.ways.length;
  const position = Math.min(age, 0.9999) * legs;
  const leg = spark.ways[Math.floor(position)];
  // Slow at the ends of each leg, as if handed over.
  const part = position % 1;
  const eased = part * part * (3 - 2 * part);
  return leg ? alongWay(leg, eased) : { x: 0, y: 0 };
}
