// Sections of rest.mjs: conversations, speech, telephones and the workspace.
import assert from "node:assert/strict";
import { PNG, bytes, client, file, ids, newAgent, order, refused } from "./rest_kit.mjs";

const convai = client.conversationalAi;
const { conversations } = convai;

export async function testConversations() {
  const { agent: agentId, conversation: id } = order;
  const page = await conversations.list({ agentId, summaryMode: "include" });
  assert.deepEqual(ids(page.conversations, "conversationId"), [id]);
  const read = await conversations.get(id);
  assert.equal(read.status, "done");
  assert.equal(read.transcript[0].role, "agent");
  assert(read.metadata.callDurationSecs >= 1);
  assert.equal((await bytes(await conversations.audio.get(id))).toString("latin1", 0, 4), "RIFF");
  assert((await conversations.getSummary(id)).messages.length > 0);
  assert.deepEqual((await conversations.getSipMessages(id)).sipMessages, []);
  await conversations.feedback.create(id, { feedback: "like" });
  assert.equal((await conversations.get(id)).metadata.feedback.overallScore, "like");
  const hits = await conversations.messages.textSearch({ textQuery: read.transcript[0].message });
  assert.equal(hits.results[0].conversationId, id);
  const { fileId } = await conversations.files.create(id, { file: file(PNG, "a.png", "image/png") });
  await conversations.files.delete(id, fileId);
  const tag = await conversations.tags.create({ title: "VIP", description: "pays" });
  assert.deepEqual(await conversations.tags.get(tag.tagId), tag);
  assert.equal((await conversations.tags.update(tag.tagId, { title: "Gold" })).title, "Gold");
  assert.deepEqual(ids((await conversations.tags.list()).conversationTags, "title"), ["Gold"]);
  await conversations.tags.assign(id, { tagIds: [tag.tagId] });
  assert.deepEqual((await conversations.get(id)).tagIds, [tag.tagId]);
  await conversations.tags.unassign(id, tag.tagId);
  await conversations.tags.delete(tag.tagId);
  assert((await conversations.getSignedUrl({ agentId })).signedUrl.startsWith("ws"));
  assert.equal((await conversations.getWebrtcToken({ agentId })).token.split(".").length, 3);
  const reference = "https://x.slack.com/archives/C/p1";
  await refused(conversations.resolve({ agentId, reference }), 404);
  assert.deepEqual((await convai.users.list({ search: "nobody" })).users, []);
  assert.equal((await convai.analytics.liveCount.get({ agentId })).count, 0);
  await conversations.delete(id);
  await refused(conversations.get(id), 404);
}

export async function testSpeech() {
  const { textToSpeech, voices } = client;
  const all = (await voices.getAll({})).voices;
  const id = all[0].voiceId;
  assert.equal((await voices.get(id)).name, all[0].name);
  assert.equal((await voices.search({ pageSize: 1 })).voices.length, 1);
  assert.equal(typeof (await voices.settings.getDefault()).stability, "number");
  assert.equal((await voices.settings.update(id, { speed: 1.1 })).status, "ok");
  assert.equal((await voices.settings.get(id)).speed, 1.1);
  assert(ids(await client.models.list(), "modelId").includes("eleven_flash_v2"));
  const request = { text: "Hello there.", outputFormat: "pcm_16000" };
  const sound = await bytes(await textToSpeech.convert(id, request));
  assert(sound.length > 8_000, `${sound.length} bytes`);
  assert((await bytes(await textToSpeech.stream(id, request))).length > 8_000);
  const timed = await textToSpeech.convertWithTimestamps(id, request);
  assert.equal(timed.alignment.characters.join(""), request.text);
  const parts = [];
  for await (const part of await textToSpeech.streamWithTimestamps(id, request)) parts.push(part);
  assert(parts.every((part) => part.audioBase64));
  const heard = await client.speechToText.convert({
    modelId: "scribe_v1", fileFormat: "pcm_s16le_16", file: file(sound, "a.pcm"),
  });
  assert.equal(heard.languageCode, "en");
  assert.equal(typeof (await client.tokens.singleUse.create("batch_scribe")).token, "string");
}

export async function testDictionaries() {
  const dictionaries = client.pronunciationDictionaries;
  const rule = (stringToReplace, alias) => ({ type: "alias", stringToReplace, alias });
  const made = await dictionaries.createFromRules({ name: "Words", rules: [rule("UN", "Union")] });
  assert.equal((await dictionaries.get(made.id)).rules[0].stringToReplace, "UN");
  const text = await bytes(await dictionaries.download(made.id, made.versionId));
  const again = await dictionaries.createFromFile({ name: "Again", file: file(text, "a.pls") });
  assert.equal((await dictionaries.get(again.id)).rules[0].alias, "Union");
  const rules = [rule("EU", "Europe")];
  assert.equal((await dictionaries.rules.add(made.id, { rules })).versionRulesNum, 2);
  const fewer = await dictionaries.rules.remove(made.id, { ruleStrings: ["UN"] });
  assert.equal(fewer.versionRulesNum, 1);
  assert.equal((await dictionaries.rules.set(made.id, { rules })).versionRulesNum, 1);
  assert.equal((await dictionaries.update(made.id, { name: "New" })).name, "New");
  const listed = await dictionaries.list({ sort: "name", sortDirection: "ASCENDING" });
  assert.deepEqual(ids(listed.pronunciationDictionaries, "name"), ["Again", "New"]);
}

export async function testPhoneNumbers() {
  const { phoneNumbers } = convai;
  const twilio = { provider: "twilio", phoneNumber: "+1", label: "A", sid: "AC1", token: "t" };
  const id = (await phoneNumbers.create(twilio)).phoneNumberId;
  assert.equal((await phoneNumbers.get(id)).provider, "twilio");
  assert.equal((await phoneNumbers.update(id, { label: "B" })).label, "B");
  assert.deepEqual(ids(await phoneNumbers.list(), "label"), ["B"]);
  assert.equal((await phoneNumbers.listV2({ search: "B" })).phoneNumbers.length, 1);
  assert.deepEqual((await phoneNumbers.getSipMessages(id)).sipMessages, []);
  await phoneNumbers.delete(id);
  await refused(phoneNumbers.get(id), 404);
}

export async function testTwilio() {
  const agentId = await newAgent("Is called");
  const call = { agentId, fromNumber: "+15550100", toNumber: "+15550101", direction: "inbound" };
  const twiml = await convai.twilio.registerCall(call);
  assert.match(twiml, /<Connect><Stream url="wss?:/);
}

export async function testBatchCalls() {
  const { batchCalls } = convai;
  const agentId = await newAgent("Calls many");
  const recipients = [{ phoneNumber: "+1" }];
  const made = await batchCalls.create({ callName: "News", agentId, recipients });
  assert.equal(made.totalCallsScheduled, 1);
  assert.deepEqual(ids((await batchCalls.list({ agentId })).batchCalls), [made.id]);
  assert.equal((await batchCalls.get(made.id)).recipients[0].phoneNumber, "+1");
  assert.equal((await batchCalls.cancel(made.id)).status, "cancelled");
  await batchCalls.retry(made.id);
  assert((await bytes(await batchCalls.export(made.id))).includes("+1"));
  await batchCalls.delete(made.id);
  await refused(batchCalls.get(made.id), 404);
}

export async function testMcpServers() {
  const { mcpServers } = convai;
  const { id } = await mcpServers.create({ config: { name: "Weather", url: order.mcp } });
  assert.equal((await mcpServers.get(id)).config.name, "Weather");
  assert.deepEqual(ids((await mcpServers.list()).mcpServers), [id]);
  assert.equal((await mcpServers.update(id, { responseTimeoutSecs: 9 })).config.responseTimeoutSecs, 9);
  const policy = { approvalPolicy: "require_approval_per_tool" };
  const { config } = await mcpServers.approvalPolicy.update(id, policy);
  assert.equal(config.approvalPolicy, policy.approvalPolicy);
  const tool = { toolName: "t", toolDescription: "d" };
  const approved = await mcpServers.toolApprovals.create(id, tool);
  assert.equal(approved.config.toolApprovalHashes[0].toolName, "t");
  await mcpServers.toolApprovals.delete(id, "t");
  await mcpServers.toolConfigs.create(id, { toolName: "t", toolCallSound: "off" });
  assert.equal((await mcpServers.toolConfigs.get(id, "t")).toolCallSound, "off");
  await mcpServers.toolConfigs.update(id, "t", { executionMode: "async" });
  await mcpServers.toolConfigs.delete(id, "t");
  assert.equal((await mcpServers.tools.list(id)).success, false);
  await mcpServers.delete(id);
  await refused(mcpServers.get(id), 404);
}

export async function testWorkspace() {
  const { authConnections } = client.workspace;
  const basic = { authType: "basic_auth", name: "CRM", provider: "acme", username: "u" };
  const made = await authConnections.create({ ...basic, password: "p" });
  assert.deepEqual(ids((await authConnections.list()).authConnections), [made.id]);
  const changed = await authConnections.update(made.id, { authType: "basic_auth", username: "v" });
  assert.equal(changed.username, "v");
  await authConnections.delete(made.id);
  const settings = { authType: "hmac", name: "Calls", webhookUrl: "https://a.test/hook" };
  const webhook = await client.webhooks.create({ settings });
  assert.equal(typeof webhook.webhookSecret, "string");
  const { webhooks } = await client.webhooks.list({ includeUsages: true });
  assert.deepEqual(ids(webhooks, "webhookId"), [webhook.webhookId]);
  await client.webhooks.update(webhook.webhookId, { isDisabled: true, name: "Off" });
  await client.webhooks.delete(webhook.webhookId);
  const before = (await convai.settings.get()).canUseMcpServers;
  const updated = await convai.settings.update({ canUseMcpServers: !before });
  assert.equal(updated.canUseMcpServers, !before);
  const variable = { type: "string", label: "host", values: { production: "p" } };
  const { id } = await client.environmentVariables.create(variable);
  assert.deepEqual((await client.environmentVariables.get(id)).values, { production: "p" });
  await client.environmentVariables.update(id, { values: { production: "q" } });
  assert.equal((await client.environmentVariables.list()).environmentVariables.length, 1);
  assert.equal((await client.user.get()).subscription.tier, "self_hosted");
  assert.equal((await client.user.subscription.get()).status, "active");
}
