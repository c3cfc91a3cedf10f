// OpenAI's Node client against the gateway: nothing but `baseURL` and the key are set.
//
// Run by tests/clients/main.rs, which starts what this calls, with the gateway's URL and the folder
// where the client is installed as arguments.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [url, installed] = process.argv.slice(2);
const require = createRequire(join(installed, "package.json"));
const OpenAI = require("openai").default;

const make = (more) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-gateway", maxRetries: 0, ...more });
const client = make();
const messages = [{ role: "user", content: "Hello" }];
const chat = (model, more, from = client, options) =>
  from.chat.completions.create({ model, messages, ...more }, options);

async function fails(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error?.constructor, kind, `${error} instead of ${kind.name}`);
    return error;
  }
  assert.fail(`no ${kind.name}`);
}

async function plain() {
  const answer = await chat("good", { temperature: 0.2, user: "u" });
  assert.equal(answer.choices[0].message.content, "Hello from good.");
  assert.equal(answer.usage.completion_tokens, 5);
  const { data, response } = await chat("flaky").withResponse();
  assert.equal(data.choices[0].message.content, "Hello from whole.");
  assert.equal(response.headers.get("x-pointsman-deployment"), "whole");
  assert.equal(response.headers.get("x-pointsman-model-group"), "flaky");
  const completion = await client.completions.create({ model: "good", prompt: "Once" });
  assert.equal(completion.choices[0].text, "Hello from good.");
}

async function streamed() {
  for (const [model, who] of [["good", "good"], ["flaky", "whole"]]) {
    let [text, usage] = ["", null];
    const more = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await chat(model, more)) {
      usage = chunk.usage ?? usage;
      text += chunk.choices.map((choice) => choice.delta.content ?? "").join("");
    }
    assert.equal(text, `Hello from ${who}.`);
    assert.equal(usage.completion_tokens, 5);
  }
  const final = await client.chat.completions.stream({ model: "good", messages }).finalContent();
  assert.equal(final, "Hello from good.");
}

async function brokenStream() {
  let text = "";
  await fails(OpenAI.APIError, async () => {
    for await (const chunk of await chat("breaks", { stream: true })) {
      text += chunk.choices[0].delta.content ?? "";
    }
  });
  assert.ok(text.length > 0);
}

async function errors() {
  const missing = await fails(OpenAI.NotFoundError, () => chat("no-such-model"));
  assert.deepEqual([missing.code, missing.param], ["model_not_found", "model"]);
  await fails(OpenAI.NotFoundError, () => chat("no-such-model", { stream: true }));
  const limited = await fails(OpenAI.RateLimitError, () => chat("limited"));
  assert.match(limited.message, /slow down/);
  const full = await fails(OpenAI.RateLimitError, async () => {
    for (let n = 0; n < 2; n++) await chat("once");
  });
  assert.ok(Number(full.headers.get("retry-after")) > 0);
  const wrong = make({ apiKey: "sk-wrong" });
  const denied = await fails(OpenAI.AuthenticationError, () => chat("good", {}, wrong));
  assert.equal(denied.code, "invalid_api_key");
  await fails(OpenAI.AuthenticationError, () => wrong.models.list());
  await fails(OpenAI.InternalServerError, () => chat("down"));
  await fails(OpenAI.BadRequestError, () => chat("good", { messages: 7 }));
  await fails(OpenAI.BadRequestError, () => chat("strict"));
  await fails(OpenAI.APIConnectionTimeoutError, () => chat("hangs", {}, client, { timeout: 300 }));
}

async function theRest() {
  const vectors = await client.embeddings.create({ model: "good", input: ["one", "two"] });
  assert.equal(vectors.data.length, 2);
  assert.ok(vectors.data[0].embedding.length > 0);
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("good") && names.includes("flaky"), names.join());
  assert.equal((await client.models.retrieve("good")).id, "good");
  await fails(OpenAI.NotFoundError, () => client.models.retrieve("no-such-model"));
  // Its own retries get over what the gateway tells it to wait for.
  const again = await chat("recovers", {}, make({ maxRetries: 3 }));
  assert.ok(again.choices[0].message.content);
  const many = await Promise.all(Array.from({ length: 20 }, () => chat("flaky")));
  assert.ok(many.every((one) => one.choices[0].message.content === "Hello from whole."));
}

for (const step of [plain, streamed, brokenStream, errors, theRest]) await step();
console.log("openai for Node: all is well");
