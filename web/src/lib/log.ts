/** The realm's public log, as somebody looks at it who believes nothing but hashes: does it still have what it had? */

import type { Checkpoint } from "./checkpoint";
import { consistency, HASH_BYTES, isConsistent, type Hash, type Hashes, type Tree } from "./merkle";

/** Hashes in a full tile. */
const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** Where a log is read from. */
export interface LogSource {
  /** The newest checkpoint that the realm publishes. */
  checkpoint: () => Promise<string>;
  /** A tile by its path (C2SP tlog-tiles), or nothing when the log has no such tile. */
  tile: (path: string) => Promise<Uint8Array | undefined>;
}

/** The log does not have a tile that it had. */
class MissingTile extends Error {}

/** Whether one of two trees is the beginning of the other, whichever that is, by the tiles that the log has now. */
export async function isOneLog(source: LogSource, one: Tree, other: Tree): Promise<boolean> {
  const [old, now] = one.size <= other.size ? [one, other] : [other, one];
  try {
    return await isConsistent(old, now, await consistency(old.size, now.size, hashesOf(source, now.size)));
  } catch (error) {
    if (error instanceof MissingTile) return false;
    throw error;
  }
}

/** The newest of some checkpoints. */
export function newestOf(checkpoints: readonly Checkpoint[]): Checkpoint | undefined {
  return [...checkpoints].sort((a, b) => b.size - a.size)[0];
}

/** The hashes of a log of this size, from tiles that are fetched once each. */
function hashesOf(source: LogSource, size: number): Hashes {
  const tiles = new Map<string, Promise<Hash[]>>();
  return async (level, first, count) => {
    const index = Math.floor(first / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, Math.floor(size / 2 ** (level * TILE_HEIGHT)) - index * TILE_WIDTH);
    const path = tilePath(level, index, width);
    const tile = tiles.get(path) ?? read(source, path, width);
    tiles.set(path, tile);
    const start = first - index * TILE_WIDTH;
    return (await tile).slice(start, start + count);
  };
}

async function read(source: LogSource, path: string, width: number): Promise<Hash[]> {
  const bytes = await source.tile(path);
  if (bytes?.length !== width * HASH_BYTES) throw new MissingTile(path);
  return Array.from({ length: width }, (_, index) => Uint8Array.from(bytes.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES)));
}

/** A tile's path: its number in groups of three digits, with an `x` before all but the last. */
export function tilePath(level: number, index: number, width: number): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return `${level}/${groups.join("/")}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}
