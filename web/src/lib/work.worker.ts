/** The thread that works for starter coins: tries one number after the other until it is ended. */

import { WORK_TOLD_MS } from "./defaults";
import type { FromWorker, Work } from "./work";
import { zeroBits } from "./work_try";

const tell = (message: FromWorker) => postMessage(message);

async function search(work: Work): Promise<number> {
  let toldMs = performance.now();
  for (let number = 0; ; number += 1) {
    if ((await zeroBits(work, number)) >= work.zero_bits) return number;
    if (performance.now() - toldMs < WORK_TOLD_MS) continue;
    toldMs = performance.now();
    tell({ kind: "tried", tries: number + 1 });
  }
}

onmessage = ({ data }: MessageEvent<Work>) => {
  search(data).then(
    (number) => tell({ kind: "found", number }),
    (error: unknown) => tell({ kind: "failed", detail: error instanceof Error ? error.message : String(error) }),
  );
};
