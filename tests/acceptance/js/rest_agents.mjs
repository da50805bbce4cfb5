// Sections of rest.mjs: agents and what they are made of.
import assert from "node:assert/strict";
import { PNG, client, file, ids, newAgent, order, refused, saying } from "./rest_kit.mjs";

const convai = client.conversationalAi;
const { agents, knowledgeBase } = convai;

export async function testAgents() {
  const id = await newAgent("JS", { tags: ["js"] });
  const read = await agents.get(id);
  assert.equal(read.name, "JS");
  assert.equal(read.conversationConfig.agent.firstMessage, "Hi");
  assert.equal(read.conversationConfig.turn.mode, "turn");
  assert(read.metadata.createdAtUnixSecs > 1_700_000_000);
  const changed = await agents.update(id, { name: "JavaScript" });
  assert.equal(changed.name, "JavaScript");
  assert.deepEqual(changed.tags, ["js"]);
  const page = await agents.list({ search: "javascript", pageSize: 5 });
  assert.deepEqual(ids(page.agents, "agentId"), [id]);
  const copy = (await agents.duplicate(id, { name: "Copy" })).agentId;
  const summaries = await agents.summaries.get({ agentIds: [id, copy] });
  assert.equal(summaries[copy].status, "success");
  assert.equal((await agents.link.get(id)).agentId, id);
  const { avatarUrl } = await agents.widget.avatar.create(copy, {
    avatarFile: file(PNG, "a.png", "image/png"),
  });
  const widget = await agents.widget.get(copy);
  assert.equal(widget.widgetConfig.avatar.url, avatarUrl);
  assert.equal((await agents.knowledgeBase.size(id)).numberOfPages, 0);
  assert((await agents.llmUsage.calculate(id)).llmPrices.length > 0);
  const usage = { promptLength: 1, numberOfPages: 0, ragEnabled: false };
  assert((await convai.llmUsage.calculate(usage)).llmPrices.length > 0);
  const { llms } = await convai.llm.list();
  assert(ids(llms, "llm").includes("turnwise-offline"));
  await agents.delete(copy);
  await refused(agents.get(copy), 404);
}

export async function testBranches() {
  const id = await newAgent("Branching", { enableVersioning: true });
  const { branchId: main, versionId: first } = await agents.get(id);
  const made = await agents.branches.create(id, {
    parentVersionId: first, name: "try", description: "a try",
  });
  const branch = made.createdBranchId;
  const listed = await agents.branches.list(id);
  assert.deepEqual(ids(listed.results), [main, branch]);
  const shown = await agents.branches.get(id, branch);
  assert.equal(shown.parentBranch.id, main);
  const renamed = await agents.branches.update(id, branch, { name: "better" });
  assert.equal(renamed.name, "better");
  const version = await agents.versions.get(id, made.createdVersionId);
  assert.equal(version.parents.outOfBranchParentId, first);
  await agents.update(id, { name: "Renamed" });
  assert.equal((await agents.branches.previewRebase(id, branch)).name, "Renamed");
  await agents.branches.rebase(id, branch);
  await agents.drafts.create(id, {
    branchId: branch, conversationConfig: {}, platformSettings: {}, name: "draft",
    workflow: { nodes: {}, edges: {} },
  });
  await agents.drafts.delete(id, { branchId: branch });
  const shares = [[main, 75], [branch, 25]];
  const requests = shares.map(([branchId, trafficPercentage]) => ({
    branchId, deploymentStrategy: { type: "percentage", trafficPercentage },
  }));
  const deployed = await agents.deployments.create(id, { deploymentRequest: { requests } });
  assert.deepEqual(deployed.trafficPercentageBranchIdMap, Object.fromEntries(shares));
  assert.equal((await agents.deployments.list(id)).results.length, 1);
  const all = [{ ...requests[0], deploymentStrategy: { type: "percentage", trafficPercentage: 100 } }];
  await agents.deployments.create(id, { deploymentRequest: { requests: all } });
  await agents.update(id, { branchId: branch, conversationConfig: saying("Hey") });
  const merging = await agents.branches.previewMerge(id, branch, { targetBranchId: main });
  assert.deepEqual(merging.conflicts, []);
  await agents.branches.merge(id, branch, { targetBranchId: main });
  assert.equal((await agents.get(id)).conversationConfig.agent.firstMessage, "Hey");
}

export async function testTools() {
  const config = {
    type: "webhook",
    name: "weather",
    description: "Tells the weather.",
    apiSchema: {
      url: "https://api.test/weather",
      method: "POST",
      requestBodySchema: {
        type: "object", properties: { city: { type: "string", description: "Where" } },
      },
    },
  };
  const made = await convai.tools.create({ toolConfig: config });
  const read = await convai.tools.get(made.id);
  assert.equal(read.toolConfig.apiSchema.requestBodySchema.properties.city.description, "Where");
  assert.equal(read.usageStats.totalCalls, 0);
  const page = await convai.tools.list({ search: "wea", types: ["webhook"] });
  assert.deepEqual(ids(page.tools), [made.id]);
  const other = { type: "client", name: "show", description: "Shows it.", expectsResponse: false };
  const changed = await convai.tools.update(made.id, { toolConfig: other });
  assert.equal(changed.toolConfig.type, "client");
  assert.deepEqual((await convai.tools.executions.get(made.id)).executions, []);
  const user = await newAgent("Uses a tool", {
    conversationConfig: { agent: { prompt: { prompt: "Hi", toolIds: [made.id] } } },
  });
  const { agents: users } = await convai.tools.getDependentAgents(made.id);
  assert.deepEqual(ids(users), [user]);
  await refused(convai.tools.delete(made.id), 409);
  await convai.tools.delete(made.id, { force: true });
  await refused(convai.tools.get(made.id), 404);
}

export async function testSecrets() {
  const { secrets } = convai;
  const made = await secrets.create({ name: "one", value: "hidden" });
  assert.equal((await secrets.get(made.secretId)).name, "one");
  assert.deepEqual(ids((await secrets.list({ search: "on" })).secrets, "name"), ["one"]);
  assert.equal((await secrets.update(made.secretId, { name: "two", value: "v" })).name, "two");
  assert.deepEqual((await secrets.getDependencies(made.secretId, "tools")).dependencies, []);
  await secrets.delete(made.secretId);
  await refused(secrets.get(made.secretId), 404);
}

export async function testKnowledgeBase() {
  const { documents, document } = knowledgeBase;
  const words = "Bread costs three. ".repeat(60);
  const text = await documents.createFromText({ text: words, name: "Prices" });
  const read = await documents.get(text.id);
  assert.equal(read.extractedInnerHtml, words);
  assert.equal(read.metadata.sizeBytes, words.length);
  assert.equal((await documents.update(text.id, { name: "Costs" })).name, "Costs");
  assert.equal(await documents.getContent(text.id), words);
  const note = file("The zeppelin leaves at noon.", "note.txt", "text/plain");
  const upload = await documents.createFromFile({ file: note, name: "Note" });
  const { signedUrl } = await documents.getSourceFileUrl(upload.id);
  assert.equal(await (await fetch(signedUrl)).text(), "The zeppelin leaves at noon.");
  const replaced = await document.updateFile(upload.id, { file: file("# New", "new.md") });
  assert.equal(replaced.filename, "new.md");
  const older = await convai.addToKnowledgeBase({ name: "Old", file: note });
  const page = await documents.createFromUrl({ url: order.page });
  assert((await documents.get(page.id)).extractedInnerHtml.includes("Open all day"));
  await document.refresh(page.id);
  const folder = await documents.createFolder({ name: "Folder" });
  await documents.move(text.id, { moveTo: folder.id });
  await documents.bulkMove({ documentIds: [older.id], moveTo: folder.id });
  const listed = await knowledgeBase.list({ parentFolderId: folder.id, sortBy: "name", sortDirection: "asc" });
  assert.deepEqual(ids(listed.documents, "name"), ["Costs", "Old"]);
  const summaries = await documents.summaries.get({ documentIds: [folder.id] });
  assert.equal(summaries[folder.id].data.childrenCount, 2);
  const found = await knowledgeBase.search({ query: "zeppelin" });
  assert.deepEqual(found.results.map((each) => each.document.id), [older.id]);
  assert.deepEqual((await documents.getAgents(text.id)).agents, []);
  assert.equal((await documents.getBulkAgents({ documentIds: [text.id] })).hasMore, false);
  await testIndexes(text.id);
  const gone = await documents.bulkDelete({ documentIds: [upload.id, page.id] });
  assert.deepEqual(Object.values(gone).map((each) => each.status), ["success", "success"]);
  await documents.delete(folder.id, { force: true });
  await refused(documents.get(text.id), 404);
}

async function testIndexes(id) {
  const { documents, document } = knowledgeBase;
  const model = "e5_mistral_7b_instruct";
  const index = await document.computeRagIndex(id, { model });
  assert.equal(index.status, "succeeded");
  const items = [{ documentId: id, createIfMissing: true, model }];
  const got = await knowledgeBase.getOrCreateRagIndexes({ items });
  assert.equal(got[id].data.id, index.id);
  assert.deepEqual(ids((await convai.getDocumentRagIndexes(id)).indexes), [index.id]);
  assert((await convai.ragIndexOverview()).totalUsedBytes > 0);
  const { chunks } = await documents.chunks.list(id, { embeddingModel: model });
  const chunk = await documents.chunk.get(id, chunks[0].id, { embeddingModel: model });
  assert.deepEqual(chunk, chunks[0]);
  assert.equal((await convai.deleteDocumentRagIndex(id, index.id)).id, index.id);
}

export async function testTests() {
  const { tests } = convai;
  const asked = { role: "user", message: "Hello", timeInCallSecs: 0 };
  const body = { type: "llm", name: "A", chatHistory: [asked], successCondition: "Polite." };
  const { id } = await tests.create(body);
  assert.equal((await tests.get(id)).successCondition, "Polite.");
  assert.equal((await tests.update(id, { ...body, name: "B" })).name, "B");
  const folder = await tests.folders.create({ name: "Top" });
  await tests.move({ entityIds: [id], moveTo: folder.id });
  assert.deepEqual(ids((await tests.list({ parentFolderId: folder.id })).tests), [id]);
  assert.equal((await tests.summaries({ testIds: [id] })).tests[id].folderParentId, folder.id);
  assert.equal((await tests.folders.update(folder.id, { name: "New" })).name, "New");
  assert.equal((await tests.folders.get(folder.id)).childrenCount, 1);
  await tests.delete(id);
  await tests.folders.delete(folder.id);
  assert.deepEqual((await tests.invocations.list({})).results, []);
  await refused(tests.invocations.get("no"), 404);
  await refused(tests.invocations.cancel("no"), 404);
}
