"""OpenAI's Python client: each call answered by each vendor in turn."""

import json

import openai
import shared
from shared import ANSWER, CITY, KEY, MODELS, PNG, SCHEMA, SUNNY, URL, VECTORS, fails, hello, same

client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": CITY}}


def chat(model, messages=HELLO, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def streamed(model, messages=HELLO, **more):
    options = {"include_usage": True}
    with client.chat.completions.stream(
        model=model, messages=messages, stream_options=options, **more
    ) as stream:
        return stream.get_final_completion()


def plain(model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    same(raw.headers["x-pointsman-deployment"], f"{model.removeprefix('from-')}-{MODELS.index(model)}")
    for answer in [raw.parse(), streamed(model)]:
        same(answer.choices[0].message.content, hello(model))
        same(answer.choices[0].finish_reason, "stop")
        same(answer.usage.total_tokens, 15)


def tools(model):
    asked = [{"role": "user", "content": "How is it in Paris?"}]
    for ask in [chat, streamed]:
        message = ask(model, asked, tools=[TOOL]).choices[0].message
        call = message.tool_calls[0]
        same(call.function.name, "weather")
        same(json.loads(call.function.arguments), {"city": "Paris"})
        told = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        answer = ask(model, [*asked, message.model_dump(exclude_none=True), told], tools=[TOOL])
        same(answer.choices[0].message.content, SUNNY)


def image(model):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    answer = chat(model, [{"role": "user", "content": parts}])
    same(answer.choices[0].message.content, "A picture.")


def schema(model):
    form = {"name": "answer", "schema": SCHEMA, "strict": True}
    form = {"type": "json_schema", "json_schema": form}
    for ask in [chat, streamed]:
        answer = ask(model, response_format=form)
        same(answer.choices[0].message.content.replace(" ", ""), ANSWER)


def responses(model):
    answer = client.responses.create(model=model, input="Hello")
    same(answer.output_text, hello(model))
    same(answer.usage.total_tokens, 15)
    with client.responses.stream(model=model, input="Hello") as stream:
        same(stream.get_final_response().output_text, hello(model))


def vectors(model):
    if model in VECTORS:
        answer = client.embeddings.create(model=model, input=["one", "two"])
        same([len(one.embedding) > 0 for one in answer.data], [True, True])


def errors(model):
    missing = fails(openai.NotFoundError, lambda: chat(model + "-not"))
    same(missing.code, "model_not_found")
    wrong = client.with_options(api_key="sk-wrong")
    fails(openai.AuthenticationError, lambda: wrong.models.list())


shared.run([plain, tools, image, schema, responses, vectors, errors], f"openai {openai.__version__}")
