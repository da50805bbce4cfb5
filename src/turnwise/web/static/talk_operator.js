// For whoever runs the server: an API key, and what the record says about the latency of each turn.
import { addressOf } from "./talk_link.js";
import { cell } from "./talk_transcript.js";

const STORED = "turnwise.key";
const COLUMNS = [
  ["Response", "convai_ttf_audio_since_silence"],
  ["Turn end", "convai_turn_silence_before_initiation"],
  ["Model", "convai_llm_service_ttfb"],
  ["Voice", "convai_tts_service_ttfb"],
];
const EXPLAINED =
  "Seconds. Response: from the end of the user's speech to the first sound of the reply. It is made of " +
  "the wait for the turn's end, the model's first words, and the voice's first sound. A typed turn has no speech to measure from.";
const PATIENCE_MS = 30_000;
const EVERY_MS = 400;
const LIVE_EVERY_MS = 2_000;

/** The key of this tab; empty: none. It is sent to this server only, and kept nowhere else. */
export const key = {
  get: () => sessionStorage.getItem(STORED) ?? "",
  set: (secret) => sessionStorage.setItem(STORED, secret),
  forget: () => sessionStorage.removeItem(STORED),
};

/** Ask the public API; throws a sentence, with the `status`, where it does not answer well. */
export async function ask(path, query, secret = key.get()) {
  const headers = secret ? { "xi-api-key": secret } : {};
  const response = await fetch(addressOf(path, query), { headers }).catch(() => null);
  if (response === null) throw new Error("The server does not answer.");
  if (response.ok) return response.json();
  const { status } = response;
  const { detail } = await response.json().catch(() => ({}));
  const said = status === 401 ? "The server does not know this key." : detail?.message;
  throw Object.assign(new Error(said ?? `The server answered ${status}.`), { status });
}

/** Wait until a conversation is over and stored, and return it. */
async function stored(id) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await ask(`conversations/${id}`);
    if (["done", "failed"].includes(found.status)) return found;
    if (Date.now() > until) throw new Error("The conversation is not stored yet.");
    await new Promise((done) => { setTimeout(done, EVERY_MS); });
  }
}

/** Return the turns that have figures: the agent's words and seconds by name. */
export function turnsOf({ transcript }) {
  return transcript
    .filter((turn) => turn.role === "agent" && turn.message)
    .map((turn) => [turn.message, turn.conversation_turn_metrics?.metrics ?? {}])
    .filter(([, metrics]) => Object.keys(metrics).length > 0);
}

const median = (values) => {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const seconds = (value) => (value === undefined ? "–" : value.toFixed(2));

/** Return the figures of a turn in words. */
function told(metrics) {
  const known = COLUMNS.filter(([, name]) => metrics[name] !== undefined);
  return known.map(([title, name]) => `${title.toLowerCase()} ${seconds(metrics[name].elapsed_time)} s`).join(" · ");
}

function row(first, values) {
  const made = document.createElement("tr");
  const head = cell("th", "", first);
  head.scope = "row";
  made.append(head, ...values.map((value) => cell("td", "", seconds(value))));
  return made;
}

function table(turns) {
  const made = document.createElement("table");
  made.createCaption().textContent = "Latency of each turn, as recorded";
  const head = made.createTHead().insertRow();
  for (const name of ["Reply", ...COLUMNS.map(([title]) => title)]) {
    const title = cell("th", "", name);
    title.scope = "col";
    head.append(title);
  }
  const figures = turns.map(([, metrics]) => COLUMNS.map(([, name]) => metrics[name]?.elapsed_time));
  made.createTBody().append(...turns.map(([words], at) => row(words, figures[at])));
  const medians = COLUMNS.map((_, column) => median(figures.map((values) => values[column])));
  if (turns.length > 1) made.createTFoot().append(row("Median", medians));
  return made;
}

function show(place, turns, transcript, nothing = "") {
  transcript.measured(turns.map(([words, metrics]) => [words, told(metrics)]));
  place.replaceChildren(...(turns.length > 0 ? [table(turns), cell("p", "dim", EXPLAINED)] : [nothing]));
}

/** Show the latencies so far of a conversation, again and again, until it is over. */
export async function followLatencies(place, id, transcript, isOver) {
  while (!isOver()) {
    await new Promise((done) => { setTimeout(done, LIVE_EVERY_MS); });
    const found = key.get() && !isOver() ? await ask(`conversations/${id}`).catch(() => null) : null;
    if (found && !isOver()) show(place, turnsOf(found), transcript);
  }
}

/** Show the latencies of a conversation that is over in a place of the page, and beside the words it is about. */
export async function showLatencies(place, id, transcript) {
  place.textContent = "";
  if (!key.get() || !id) return;
  place.textContent = "Reading the record …";
  try {
    const turns = turnsOf(await stored(id));
    show(place, turns, transcript, "No turn of this conversation has figures.");
  } catch (error) {
    place.textContent = error.message;
  }
}
