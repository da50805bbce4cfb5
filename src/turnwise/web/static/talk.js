// The talk page: wires what is seen to one conversation after the other.
import { Conversation } from "./talk_conversation.js";
import { addressOf, entryOf, signedEntryOf, variablesOf } from "./talk_link.js";
import { ask, followLatencies, key, showLatencies } from "./talk_operator.js";
import { Sound, askForMicrophone, parseFormat } from "./talk_sound.js";
import { Transcript, button } from "./talk_transcript.js";

const TYPING_EVERY_MS = 1_000;
const LAST_SOUND_MS = 600; // what the server sent ahead when it closed is still heard

const $ = (id) => document.getElementById(id);
const page = $("talk");
const agentId = page.dataset.agentId;
const isPublic = page.dataset.access === "public";
const signatureOf = ({ conversation_signature: signature, token }) => signature ?? token;
const transcript = new Transcript($("transcript"), $("tentative"));

const agent = { textOnly: false, maySwitchToText: false };
let entry = entryOf(location.search);
let last = ""; // the id of the conversation that is over
let call = null; // {conversation, sound, id, voice}

// --- what is seen ---------------------------------------------------------------------------------
const MODES = {
  before: "Speak or write with this agent.",
  connecting: "Connecting …",
  listening: "Listening",
  muted: "Your microphone is off.",
  thinking: "Thinking …",
  speaking: "Speaking",
  writing: "You can write.",
  over: "The conversation is over.",
};

const state = (name) => { page.dataset.state = name; };
const mode = (name) => {
  page.dataset.mode = name;
  $("mode").textContent = MODES[name];
};
const level = (where, value) => where.style.setProperty("--level", value.toFixed(2));

function notice(text, alarm = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("alarm", alarm);
}

const isMuted = () => $("mute").getAttribute("aria-pressed") === "true";
const resting = () => (!call?.voice ? "writing" : isMuted() ? "muted" : "listening");

async function learnLooks() {
  const signature = signatureOf(entry);
  const query = signature ? { conversation_signature: signature } : {};
  const secret = isPublic || signature ? "" : key.get();
  const { widget_config: looks } = await ask(`agents/${agentId}/widget`, query, secret);
  agent.textOnly = looks.text_only === true;
  agent.maySwitchToText = looks.supports_text_only === true;
  $("transcript").lang = looks.language ?? "";
  $("speak").hidden = agent.textOnly;
  $("write").classList.toggle("quiet", !agent.textOnly);
  const { avatar } = looks;
  const picture = avatar?.url ?? avatar?.custom_url;
  if (picture && new URL(picture, document.baseURI).origin === location.origin) showPicture(picture);
  if (avatar?.color_1) $("orb").style.setProperty("--orb-1", avatar.color_1);
  if (avatar?.color_2) $("orb").style.setProperty("--orb-2", avatar.color_2);
}

function showPicture(address) {
  const picture = new Image();
  picture.alt = "";
  picture.src = address;
  $("orb").append(picture);
  $("orb").classList.add("pictured");
}

// --- a conversation -------------------------------------------------------------------------------
async function begin(wantsVoice) {
  state("connecting");
  mode("connecting");
  notice("");
  transcript.clear();
  last = "";
  $("latencies").textContent = "";
  const mayBeSilent = agent.textOnly || agent.maySwitchToText;
  const mine = { id: "", voice: false, conversation: null, stream: null };
  call = mine;
  mine.sound = wantsVoice || !mayBeSilent ? new Sound() : null; // in the click, or it stays silent
  if (wantsVoice) {
    mine.stream = await askForMicrophone().catch(({ message }) => {
      transcript.aside(`${message} You can go on in writing.`);
      return null;
    });
  }
  mine.voice = mine.stream !== null;
  $("mute").hidden = !mine.voice;
  const address = await socketAddress();
  await mine.sound?.ready;
  if (call !== mine) { // the user thought better of it
    mine.stream?.getTracks().forEach((track) => track.stop());
    return;
  }
  const inWriting = !mine.voice && agent.maySwitchToText && !agent.textOnly;
  mine.conversation = new Conversation(address, firstMessage(inWriting), handlers(mine));
}

async function socketAddress() {
  const signed = isPublic || signatureOf(entry) ? {} : await signedEntry();
  return addressOf("conversation", { agent_id: agentId, ...entry, ...signed });
}

/** A private agent is entered by a URL that the key of this tab signs. */
async function signedEntry() {
  const { signed_url: url } = await ask("conversation/get-signed-url", { agent_id: agentId });
  return signedEntryOf(url, agentId) ?? {};
}

function firstMessage(inWriting) {
  const { variables, problem } = variablesOf(location.search);
  if (problem) transcript.aside(problem);
  const first = { dynamic_variables: variables };
  if (inWriting) first.conversation_config_override = { conversation: { text_only: true } };
  return first;
}

function handlers(mine) {
  const { sound } = mine;
  const live = (act) => (...given) => { if (call === mine) act(...given); };
  return {
    begin: live((metadata) => begun(mine, metadata)),
    audio: live((audio) => sound?.play(audio)),
    interruption: live(() => sound?.flush()),
    words: live(({ agent_response: text, event_id: number }) => {
      transcript.agent(text, number);
      if (page.dataset.mode === "thinking") mode(resting());
    }),
    part: live((part) => transcript.part(part)),
    correction: live(({ original_agent_response: written, corrected_agent_response: heard }) =>
      transcript.correct(written, heard)),
    heard: live((text) => {
      transcript.user(text);
      mode("thinking");
    }),
    tentative: live((text) => transcript.tentative(text)),
    tool: live((name) => transcript.aside(`The agent asked this page for “${name}”, which it cannot do.`)),
    approval: live((asked) => offerApproval(mine, asked)),
    end: live((ending) => over(mine, ending)),
  };
}

async function begun(mine, metadata) {
  mine.id = metadata.conversation_id;
  followLatencies($("latencies"), mine.id, transcript, () => call !== mine);
  state("live");
  mode(resting());
  (mine.voice ? $("mute") : $("words")).focus();
  try {
    await mine.sound?.openSpeaker(parseFormat(metadata.agent_output_audio_format), ({ playing, level: loud }) => {
      level($("orb"), Math.min(1, loud * 5));
      if (call === mine) mode(playing ? "speaking" : resting());
    });
    if (mine.voice) await listen(mine, parseFormat(metadata.user_input_audio_format));
  } catch (error) {
    transcript.aside(`${error.message} You can go on in writing.`);
  }
}

async function listen(mine, format) {
  const hear = (audio) => mine.conversation.hear(audio);
  await mine.sound.openMicrophone(mine.stream, format, hear, (loud) => level($("mute"), loud));
  mine.stream.getAudioTracks()[0].onended = () => {
    if (call !== mine) return;
    mine.voice = false;
    $("mute").hidden = true;
    transcript.aside("The microphone is gone. You can go on in writing.");
  };
}

function offerApproval(mine, { state: where, tool_name: name, tool_call_id: id }) {
  if (where !== "awaiting_approval") return;
  const line = transcript.aside(`May the agent use “${name}”?`);
  const choices = document.createElement("span");
  choices.className = "row";
  const decide = (isApproved) => () => {
    mine.conversation.approve(id, isApproved);
    choices.replaceWith(isApproved ? " Allowed." : " Not allowed.");
    $("words").focus();
  };
  choices.append(button("Allow", decide(true)), button("Do not allow", decide(false)));
  line.append(choices);
}

/** Hang up; also where the conversation has not begun yet. */
function leave() {
  if (call === null) return;
  if (call.conversation) call.conversation.leave();
  else over(call, { by: "user", reason: "" });
}

function over(mine, { by, reason }) {
  call = null;
  setTimeout(() => mine.sound?.close(), by === "agent" ? LAST_SOUND_MS : 0);
  mine.stream?.getTracks().forEach((track) => track.stop());
  transcript.tentative("");
  level($("orb"), 0);
  state("over");
  mode("over");
  const said = { user: "You ended the conversation.", agent: "The agent ended the conversation.", error: reason };
  notice(said[by], by === "error");
  $("again").focus();
  last = mine.id;
  showLatencies($("latencies"), last, transcript);
}

async function start(wantsVoice) {
  try {
    await begin(wantsVoice && !agent.textOnly);
  } catch (error) {
    call?.sound?.close();
    call?.stream?.getTracks().forEach((track) => track.stop());
    call = null;
    reset();
    notice(error.message, true);
  }
}

function reset() {
  state("before");
  mode("before");
  notice("");
  mute(false);
  $("words").value = "";
  ($("speak").hidden ? $("write") : $("speak")).focus();
}

function mute(muted) {
  $("mute").setAttribute("aria-pressed", String(muted));
  call?.sound?.mute(muted);
  if (["listening", "muted"].includes(page.dataset.mode)) mode(resting());
}

// --- the door of a private agent ------------------------------------------------------------------
const isOpen = () => isPublic || Boolean(signatureOf(entry) ?? key.get());

/** Show the door, or the start; or neither while nobody knows whether the door is open. */
function show(part) {
  $("door").hidden = part !== "door";
  $("start").hidden = $("mode").hidden = part !== "start";
  $("operator").hidden = part === "door";
}

async function arrive() {
  if (!isOpen()) return show("door");
  show(isPublic ? "start" : "");
  try {
    await learnLooks();
    if (!isPublic && !signatureOf(entry)) {
      const { name } = await ask(`agents/${agentId}`);
      $("name").textContent = name;
    }
    return show("start");
  } catch (error) {
    notice(isPublic ? error.message : refused(error), true);
    return show(isPublic ? "start" : "door");
  }
}

/** Forget what did not open the door; return a sentence about it. */
function refused(error) {
  const wasSigned = Boolean(signatureOf(entry));
  if (error.status !== 401) return error.message;
  if (!wasSigned) key.forget();
  const { conversation_signature, token, ...rest } = entry;
  entry = rest;
  noteKey();
  return wasSigned ? "This signed URL does not open the agent, or no longer." : error.message;
}

async function unlock() {
  const secret = $("secret").value.trim();
  const signed = signedEntryOf(secret, agentId);
  notice("");
  if (/^\w+:\/\//.test(secret) && signed === null) {
    notice("This is no signed URL of this agent.", true);
    return;
  }
  if (signed) entry = signed;
  else key.set(secret);
  $("secret").value = "";
  noteKey();
  await arrive();
  ($("door").hidden ? $("speak") : $("secret")).focus();
}

// --- hands ----------------------------------------------------------------------------------------
$("speak").addEventListener("click", () => start(true));
$("write").addEventListener("click", () => start(false));
$("again").addEventListener("click", reset);
$("end").addEventListener("click", leave);
$("mute").addEventListener("click", () => mute(!isMuted()));
$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  unlock();
});

let typedAt = 0;
$("words").addEventListener("input", () => {
  if (Date.now() - typedAt < TYPING_EVERY_MS) return;
  typedAt = Date.now();
  call?.conversation?.typing();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text || page.dataset.state !== "live") return;
  transcript.user(text);
  call.conversation.say(text);
  $("words").value = "";
  mode("thinking");
});

function noteKey() {
  $("key").value = "";
  $("no-key").hidden = Boolean(key.get());
  $("has-key").hidden = !key.get();
}
$("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const secret = $("key").value.trim();
  if (!secret) return;
  key.set(secret);
  noteKey();
  await showLatencies($("latencies"), last, transcript);
});
$("forget").addEventListener("click", () => {
  key.forget();
  noteKey();
  transcript.measured([]);
  $("latencies").textContent = "";
  $("key").focus();
});

noteKey();
arrive();
