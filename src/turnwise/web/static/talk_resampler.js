// Sound from one rate to another, piece by piece: a windowed sinc, one row of weights a phase.
const CROSSINGS = 12; // of the sinc on each side: flat to 90 % of the band, aliases below -60 dB
const PASS = 0.92; // of the narrower band is kept: the rest is where the filter falls

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const blackman = (x) => 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);

export class Resampler {
  /** Both rates in samples a second, whole numbers. */
  constructor(from, to) {
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    const cut = Math.min(1, to / from) * (from === to ? 1 : PASS);
    this.half = Math.ceil(CROSSINGS / cut);
    this.rows = from === to ? [] : this.weights(cut);
    this.kept = new Float32Array(2 * this.half);
    this.phase = 0;
    this.at = 0; // in `kept`: the first sample that the next output needs
  }

  weights(cut) {
    return Array.from({ length: this.up }, (_, phase) => {
      const row = new Float32Array(2 * this.half);
      let sum = 0;
      for (let tap = 0; tap < row.length; tap += 1) {
        const t = tap - this.half + 1 - phase / this.up;
        row[tap] = Math.abs(t) < this.half ? cut * sinc(cut * t) * blackman(t / this.half) : 0;
        sum += row[tap];
      }
      return row.map((weight) => weight / sum);
    });
  }

  /** Return what is ready by now of Float32 samples; the filter holds back about a millisecond. */
  process(samples) {
    if (this.rows.length === 0) return samples;
    const all = new Float32Array(this.kept.length + samples.length);
    all.set(this.kept);
    all.set(samples, this.kept.length);
    const taps = 2 * this.half;
    const out = [];
    while (this.at + taps <= all.length) {
      const row = this.rows[this.phase];
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += row[tap] * all[this.at + tap];
      out.push(sum);
      this.phase += this.down;
      this.at += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    const from = Math.min(this.at, all.length);
    this.kept = all.slice(from);
    this.at -= from;
    return Float32Array.from(out);
  }
}
