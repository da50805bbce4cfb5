// Microphone and loudspeaker of one conversation, and the formats that sound has on the wire.

/** Return rate and codec of a wire format such as `pcm_16000`; throws a sentence for any other. */
export function parseFormat(name) {
  const [, codec, rate] = /^(pcm|ulaw)_(\d+)$/.exec(name) ?? [];
  if (!codec) throw new Error(`This page cannot play sound in the format ${name}.`);
  return { codec, rate: Number(rate) };
}

// G.711 mu-law, on the upper 14 bits of a sample
const BIAS = 33;
const LARGEST = 8191 - BIAS;

const toUlaw = (value) => {
  const short = value >> 2;
  const magnitude = Math.min(LARGEST, Math.abs(short)) + BIAS;
  const segment = 26 - Math.clz32(magnitude);
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 15);
  return (short < 0 ? code ^ 0x7f : code ^ 0xff) & 0xff;
};

const fromUlaw = (byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((2 * (code & 15) + BIAS) << ((code >> 4) & 7)) - BIAS;
  return 4 * (code & 0x80 ? -magnitude : magnitude);
};

/** Write Float32 samples, -1 to 1, as base64 in a format. */
export function encode(samples, { codec }) {
  const whole = Int16Array.from(samples, (x) => Math.round(Math.max(-1, Math.min(1, x)) * 32767));
  const bytes = codec === "ulaw" ? Uint8Array.from(whole, toUlaw) : new Uint8Array(whole.buffer);
  return btoa(String.fromCharCode(...bytes));
}

/** Read base64 in a format as Float32 samples. */
export function decode(text, { codec }) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const whole =
    codec === "ulaw"
      ? Array.from(bytes, fromUlaw)
      : new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  return Float32Array.from(whole, (x) => x / 32768);
}

/** Ask for the microphone; throws a sentence that says why there is none. */
export async function askForMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give the microphone to pages over HTTPS only.");
  }
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const reasons = {
      NotAllowedError: "The browser was not allowed to use the microphone.",
      NotFoundError: "There is no microphone.",
      NotReadableError: "The microphone is in use by another program.",
    };
    throw new Error(reasons[error.name] ?? "The microphone cannot be used.", { cause: error });
  }
}

export class Sound {
  /** Call it in a click: browsers let nothing sound before one. */
  constructor() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.ready = this.context.audioWorklet.addModule(
      new URL("./talk_worklets.js", import.meta.url),
    );
    this.context.resume();
    this.muted = false;
  }

  /** Play from here on; `onPlaying` gets `{playing, level}` a few times a second. */
  async openSpeaker(format, onPlaying) {
    await this.ready;
    this.output = format;
    this.speaker = this.node("talk-playback", format.rate, { numberOfInputs: 0, outputChannelCount: [1] });
    this.speaker.port.onmessage = ({ data }) => onPlaying(data);
    this.speaker.connect(this.context.destination);
  }

  /** Send what the microphone hears from here on: `send(base64)`; `onLevel` gets 0 to 1. */
  async openMicrophone(stream, format, send, onLevel) {
    await this.ready;
    this.stream = stream;
    this.capture = this.node("talk-capture", format.rate, { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.capture.port.onmessage = ({ data }) => {
      send(encode(data.samples, format));
      onLevel(Math.min(1, data.level * 6));
    };
    this.capture.port.postMessage({ muted: this.muted });
    this.context.createMediaStreamSource(stream).connect(this.capture);
  }

  node(name, rate, options) {
    return new AudioWorkletNode(this.context, name, { ...options, processorOptions: { rate } });
  }

  play(text) {
    const samples = decode(text, this.output);
    this.speaker?.port.postMessage({ samples }, [samples.buffer]);
  }

  /** Throw away what was not heard. */
  flush() {
    this.speaker?.port.postMessage({ flush: true });
  }

  mute(muted) {
    this.muted = muted;
    this.capture?.port.postMessage({ muted });
  }

  close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.context.state !== "closed") this.context.close();
  }
}
