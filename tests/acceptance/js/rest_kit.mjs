// The client of rest.mjs, which writes down its calls, and what its sections share.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";

export const order = JSON.parse(await readFile(process.argv[2], "utf8"));
export const calls = [];
export const client = new ElevenLabsClient({
  apiKey: order.key,
  baseUrl: order.url,
  maxRetries: 0,
  fetch: async (url, options) => {
    const answer = await fetch(url, options);
    calls.push({ method: options.method, path: new URL(url).pathname, status: answer.status });
    return answer;
  },
});

export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
export const saying = (firstMessage) => ({ agent: { firstMessage, language: "en" } });
export const file = (data, filename, contentType) => ({ data: Buffer.from(data), filename, contentType });
export const ids = (rows, name = "id") => rows.map((row) => row[name]);

export async function bytes(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export async function refused(promise, status) {
  await assert.rejects(promise, (error) => {
    assert(error instanceof ElevenLabsError, String(error));
    assert.equal(error.statusCode, status);
    return true;
  });
}

export async function newAgent(name, more = {}) {
  const made = await client.conversationalAi.agents.create({ name, conversationConfig: saying("Hi"), ...more });
  return made.agentId;
}
