/** A QR code as the path of a picture, drawn by whoever shows it. */

export interface QrPicture {
  /** Modules on each side, the quiet zone included. */
  size: number;
  /** The dark modules, one unit each. */
  path: string;
}

/** Light modules that a reader needs around the code. */
const QUIET = 4;

/** The encoder is fetched when a code is wanted. */
export async function qrPicture(text: string): Promise<QrPicture> {
  const { encodeQR } = await import("qr");
  const rows = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
  const runs = rows.flatMap((row, y) => runsOf(row).map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`));
  return { size: rows.length, path: runs.join("") };
}

/** Where dark modules begin in a row, and how many there are. */
function runsOf(row: readonly boolean[]): [number, number][] {
  const runs: [number, number][] = [];
  row.forEach((dark, x) => {
    const last = runs.at(-1);
    if (dark && last && last[0] + last[1] === x) last[1] += 1;
    else if (dark) runs.push([x, 1]);
  });
  return runs;
}
