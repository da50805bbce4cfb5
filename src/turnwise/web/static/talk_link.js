// What the page's address says: the agent's variables, and how to get in.

const PASSED_ON = ["conversation_signature", "token", "branch_id", "version_id", "environment"];

const isPlain = (value) => ["string", "number", "boolean"].includes(typeof value);

function unpacked(text) {
  const standard = text.replaceAll(" ", "+").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(standard), (letter) => letter.charCodeAt(0));
  const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || !Object.values(value).every(isPlain)) throw new TypeError("no plain values");
  return value;
}

/**
 * Return the dynamic variables of a link: `vars`, an object as JSON in base64, and `var_NAME=value`,
 * which wins. `problem` is a sentence where `vars` cannot be read, else empty.
 */
export function variablesOf(search) {
  const query = new URLSearchParams(search);
  let variables = {};
  let problem = "";
  try {
    if (query.has("vars")) variables = unpacked(query.get("vars"));
  } catch {
    problem = "The variables in this link (vars) cannot be read; the link may not be complete.";
  }
  for (const [name, value] of query) {
    if (name.startsWith("var_") && name.length > 4) variables[name.slice(4)] = value;
  }
  return { variables, problem };
}

/** Return what of a page's query the conversation socket is to get. */
export function entryOf(search) {
  const query = new URLSearchParams(search);
  return Object.fromEntries(PASSED_ON.filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
}

/** Return the same of a signed URL; null: it is none, or one of another agent. */
export function signedEntryOf(text, agentId) {
  if (!/^wss?:\/\//.test(text) || !URL.canParse(text)) return null;
  const { search, searchParams } = new URL(text);
  const entry = entryOf(search);
  const fits = searchParams.get("agent_id") === agentId;
  return fits && (entry.conversation_signature ?? entry.token) ? entry : null;
}

/** Return an address of the public API, from the page's own. */
export function addressOf(path, query = {}) {
  const address = new URL(`../v1/convai/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address;
}
