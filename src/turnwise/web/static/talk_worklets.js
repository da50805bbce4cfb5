// The two ends of the sound, in the browser's audio thread: rates are changed here.
import { Resampler } from "./talk_resampler.js";

const CHUNK_S = 0.032;
const FADE_S = 0.02; // what is thrown away is faded, not cut: a cut clicks
const LEVEL_EVERY = 12; // blocks of 128 samples: some 30 times a second

const loudness = (samples) => {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
};

/** The microphone: posts Float32 pieces at the wanted rate. Muted, it posts silence. */
class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.resampler = new Resampler(sampleRate, rate);
    this.chunk = new Float32Array(Math.round(rate * CHUNK_S));
    this.filled = 0;
    this.muted = false;
    this.port.onmessage = ({ data }) => { this.muted = data.muted; };
  }

  process([[samples]]) {
    if (samples === undefined) return true;
    for (const sample of this.resampler.process(samples)) {
      this.chunk[this.filled] = this.muted ? 0 : sample;
      this.filled += 1;
      if (this.filled === this.chunk.length) {
        this.port.postMessage({ samples: this.chunk.slice(), level: loudness(this.chunk) });
        this.filled = 0;
      }
    }
    return true;
  }
}

/** The loudspeaker: plays what it is given in order, until it is told to throw it away. */
class Playback extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.rate = rate;
    this.clear();
    this.playing = false;
    this.blocks = 0;
    this.fade = 0;
    this.port.onmessage = ({ data }) => {
      if (data.samples) this.queue.push(this.resampler.process(data.samples));
      else this.flush();
    };
  }

  clear() {
    this.resampler = new Resampler(this.rate, sampleRate);
    this.queue = [];
    this.at = 0;
  }

  flush() {
    const tail = new Float32Array(Math.round(sampleRate * FADE_S));
    const whole = tail.length;
    for (let n = 0; n < whole; n += 1) tail[n] = this.next() * (1 - n / whole);
    this.clear();
    this.queue.push(tail);
  }

  next() {
    while (this.queue.length > 0 && this.at >= this.queue[0].length) {
      this.queue.shift();
      this.at = 0;
    }
    if (this.queue.length === 0) return 0;
    this.at += 1;
    return this.queue[0][this.at - 1];
  }

  process(_inputs, [[out]]) {
    for (let n = 0; n < out.length; n += 1) out[n] = this.next();
    const playing = this.queue.length > 0;
    this.blocks += 1;
    if (playing !== this.playing || (playing && this.blocks % LEVEL_EVERY === 0)) {
      this.playing = playing;
      this.port.postMessage({ playing, level: playing ? loudness(out) : 0 });
    }
    return true;
  }
}

registerProcessor("talk-capture", Capture);
registerProcessor("talk-playback", Playback);
