// What is said, as people read it, and as screen readers read it out.

const FORGET_MS = 6_000;

const make = (tag, className, text = "") => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
};

/**
 * Return which lines an interruption makes shorter, as pairs of index and new text. `written` is a
 * whole reply; one with tools in it stands in several lines.
 */
export function cuts(lines, written, heard) {
  let left = written.trimEnd();
  let from = lines.length;
  while (from > 0 && left && lines[from - 1] && left.endsWith(lines[from - 1])) {
    from -= 1;
    left = left.slice(0, -lines[from].length).trimEnd();
  }
  if (from === lines.length) from = Math.max(0, from - 1); // it is not known which: the last one
  let unheard = heard;
  return lines.slice(from).flatMap((line, at) => {
    const isWhole = unheard.startsWith(line);
    const text = unheard;
    unheard = isWhole ? unheard.slice(line.length).trimStart() : "";
    return isWhole ? [] : [[from + at, text]];
  });
}

export class Transcript {
  constructor(log, tentative) {
    this.log = log;
    this.pending = tentative;
    this.replies = []; // of the agent: {line, words, text, number}
    this.streamed = null;
    new ResizeObserver(() => this.follow()).observe(log);
  }

  clear() {
    this.log.replaceChildren();
    this.tentative("");
    this.replies = [];
    this.streamed = null;
  }

  user(text) {
    this.tentative("");
    this.line("user", "You", text);
  }

  /** Words that may still change: shown, but not read out. What is never confirmed goes away. */
  tentative(text) {
    clearTimeout(this.forgetting);
    this.pending.textContent = text;
    if (text) this.forgetting = setTimeout(() => this.tentative(""), FORGET_MS);
    this.follow();
  }

  /** Words of the agent that are complete. */
  agent(text, number) {
    const streamed = this.streamed;
    if (streamed?.number !== number) {
      this.reply(text, number);
      return;
    }
    this.finish(text);
  }

  /** Words of the agent as they are written. */
  part({ type, text, event_id: number }) {
    if (type === "start") this.streamed = null;
    if (type === "stop") {
      this.streamed?.line.removeAttribute("aria-busy");
      return;
    }
    if (type !== "delta" || text === "") return;
    if (this.streamed === null) {
      this.streamed = this.reply("", number);
      this.streamed.line.setAttribute("aria-busy", "true");
    }
    this.show(this.streamed, this.streamed.text + text);
  }

  finish(text) {
    this.streamed.line.removeAttribute("aria-busy");
    this.show(this.streamed, text);
    this.streamed = null;
  }

  /** The agent was interrupted: only a part of what it wrote was heard. */
  correct(written, heard) {
    const shown = this.replies.map(({ text }) => text);
    for (const [index, left] of cuts(shown, written, heard)) {
      const reply = this.replies[index];
      this.show(reply, left);
      reply.line.classList.add("cut");
      this.note(reply, left ? "interrupted" : "interrupted before a word was heard");
    }
  }

  /** Say something beside the conversation; return the line, for buttons. */
  aside(text) {
    const line = make("p", "line aside", text);
    this.add(line);
    return line;
  }

  note({ line }, text) {
    line.append(make("small", "", text));
    this.follow();
  }

  /** Put figures under the replies they are about: pairs of words and figures, in order. */
  measured(turns) {
    for (const old of this.log.querySelectorAll(".figures")) old.remove();
    let from = 0;
    for (const [words, figures] of turns) {
      const at = this.replies.findIndex(({ text }, index) => index >= from && text === words);
      if (at < 0) continue;
      from = at + 1;
      this.replies[at].line.append(make("small", "figures", figures));
    }
    this.follow();
  }

  reply(text, number) {
    const [line, words] = this.line("agent-said", "Agent", text);
    const reply = { line, words, text, number };
    this.replies.push(reply);
    return reply;
  }

  show(reply, text) {
    reply.text = text;
    reply.words.textContent = text;
    this.follow();
  }

  line(className, who, text) {
    const line = make("p", `line ${className}`);
    const words = make("span", "words", text);
    line.append(make("span", "unseen", `${who}: `), words);
    this.add(line);
    return [line, words];
  }

  add(line) {
    this.log.append(line);
    this.follow();
  }

  follow() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}

export const button = (text, onClick) => {
  const made = make("button", "pill quiet", text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
};

export const cell = make;
