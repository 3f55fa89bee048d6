import { describe, expect, it } from "vitest";
import { SAMPLE_RATE } from "../../src/lib/listen/limits";
import { Resampler, rms, toInt16 } from "../../src/lib/listen/resample";
import { sine } from "./recordings";

/** Through the resampler in blocks of 20 ms and a bit, as the worklet sends them. */
function resampled(input: Float32Array, rate: number): Float32Array {
  const resampler = new Resampler(rate);
  const block = Math.round(rate * 0.0213);
  const output: number[] = [];
  for (let at = 0; at < input.length; at += block) output.push(...resampler.push(input.subarray(at, at + block)));
  return Float32Array.from(output);
}

describe("sound is brought to 16 kHz", () => {
  for (const rate of [44_100, 48_000, 96_000, 22_050, 11_025, 8_000]) {
    it(`keeps a tone of 1 kHz from ${rate} Hz: its length, loudness and pitch`, () => {
      const output = resampled(sine(1_000, 1, rate), rate);
      expect(Math.abs(output.length - SAMPLE_RATE)).toBeLessThan(SAMPLE_RATE * 0.01);
      // Away from both ends it is the same sine, only somewhat later: fit it and look at what is left.
      const middle = output.slice(2_000, 14_000);
      const [sin, cos] = [Math.sin, Math.cos].map((wave) =>
        middle.reduce((sum, sample, index) => sum + sample * wave((2 * Math.PI * 1_000 * index) / SAMPLE_RATE), 0) * (2 / middle.length),
      );
      expect(Math.hypot(sin!, cos!)).toBeCloseTo(0.5, 2);
      const rest = middle.map((sample, index) => {
        const angle = (2 * Math.PI * 1_000 * index) / SAMPLE_RATE;
        return sample - sin! * Math.sin(angle) - cos! * Math.cos(angle);
      });
      expect(rms(rest)).toBeLessThan(0.003);
    });
  }

  it("removes what 16 kHz can't carry instead of folding it down", () => {
    for (const hz of [9_000, 12_000, 15_000, 20_000]) {
      expect(rms(resampled(sine(hz, 1, 48_000), 48_000).slice(500, 15_000))).toBeLessThan(0.001);
    }
  });

  it("passes speech's upper end", () => {
    expect(rms(resampled(sine(6_500, 1, 48_000), 48_000).slice(500, 15_000))).toBeGreaterThan(0.34);
  });

  it("gives the same however the stream is cut", () => {
    const input = sine(440, 0.5, 44_100);
    const whole = new Resampler(44_100).push(input);
    const cut = resampled(input, 44_100);
    expect(cut.length).toBe(whole.length);
    expect(Math.max(...cut.map((sample, index) => Math.abs(sample - whole[index]!)))).toBeLessThan(1e-6);
  });

  it("refuses a rate that is none", () => {
    for (const rate of [0, -1, Number.NaN, 1_000, 1e9]) expect(() => new Resampler(rate)).toThrow(/outside/);
  });

  it("keeps within 16 bits", () => {
    expect([...toInt16(Float32Array.of(-2, -1, 0, 0.5, 1, 2))]).toEqual([-32_768, -32_768, 0, 16_384, 32_767, 32_767]);
  });
});
