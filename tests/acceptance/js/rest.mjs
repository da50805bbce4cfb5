// Has the official JavaScript SDK call the REST API by all of its methods and prints what it did.
// usage: node rest.mjs ORDER.json   (ORDER: url, key, page, mcp, agent, conversation)
import * as made from "./rest_agents.mjs";
import { calls } from "./rest_kit.mjs";
import * as used from "./rest_calls.mjs";

const sections = {
  agents: made.testAgents,
  branches: made.testBranches,
  tools: made.testTools,
  secrets: made.testSecrets,
  "knowledge base": made.testKnowledgeBase,
  tests: made.testTests,
  conversations: used.testConversations,
  speech: used.testSpeech,
  dictionaries: used.testDictionaries,
  "phone numbers": used.testPhoneNumbers,
  Twilio: used.testTwilio,
  "batch calls": used.testBatchCalls,
  "MCP servers": used.testMcpServers,
  workspace: used.testWorkspace,
};
const failures = {};
for (const [name, section] of Object.entries(sections)) {
  try {
    await section();
  } catch (error) {
    failures[name] = `${error.stack}\n${JSON.stringify(error.errors ?? error.body ?? null)}`;
  }
}
process.stdout.write(JSON.stringify({ calls, failures }));
