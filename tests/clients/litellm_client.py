"""LiteLLM as a client, in three dialects: each call answered by each vendor in turn."""

import json
import os
from importlib.metadata import version

# Its price book is not looked for on the net.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
import shared
from shared import ANSWER, CITY, KEY, PNG, SCHEMA, SUNNY, URL, VECTORS, fails, hello, same

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells the weather.", "parameters": CITY},
}
# LiteLLM's prefix tells the dialect.
DIALECTS = {"openai": URL + "/v1", "anthropic": URL, "gemini": URL + "/v1beta"}


def ask(dialect, model, messages=HELLO, key=KEY, **more):
    return litellm.completion(
        model=f"{dialect}/{model}",
        api_base=DIALECTS[dialect],
        api_key=key,
        messages=messages,
        max_tokens=50,
        num_retries=0,
        **more,
    )


def plain(model):
    for dialect in DIALECTS:
        answer = ask(dialect, model)
        same(answer.choices[0].message.content, hello(model))
        same(answer.usage.total_tokens, 15)
        said = ask(dialect, model, stream=True)
        same("".join(piece.choices[0].delta.content or "" for piece in said), hello(model))


def tools(model):
    asked = [{"role": "user", "content": "How is it in Paris?"}]
    for dialect in DIALECTS:
        message = ask(dialect, model, asked, tools=[TOOL]).choices[0].message
        (call,) = message.tool_calls
        same(call.function.name, "weather")
        same(json.loads(call.function.arguments), {"city": "Paris"})
        told = {"role": "tool", "tool_call_id": call.id, "name": "weather", "content": "sunny"}
        answer = ask(dialect, model, [*asked, message.model_dump(), told], tools=[TOOL])
        same(answer.choices[0].message.content, SUNNY)


def image(model):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    for dialect in DIALECTS:
        answer = ask(dialect, model, [{"role": "user", "content": parts}])
        same(answer.choices[0].message.content, "A picture.")


def schema(model):
    form = {"name": "answer", "schema": SCHEMA, "strict": True}
    answer = ask("openai", model, response_format={"type": "json_schema", "json_schema": form})
    same(answer.choices[0].message.content.replace(" ", ""), ANSWER)


def others(model):
    address = {"api_base": URL + "/v1", "api_key": KEY}
    if model in VECTORS:
        answer = litellm.embedding(model=f"openai/{model}", input=["one", "two"], **address)
        same(len(answer.data), 2)
    answer = litellm.responses(model=f"openai/{model}", input="Hello", **address)
    same(answer.output[-1].content[0].text, hello(model))


def errors(model):
    for dialect in DIALECTS:
        fails(litellm.NotFoundError, lambda: ask(dialect, model + "-not"))
        fails(litellm.AuthenticationError, lambda: ask(dialect, model, key="sk-wrong"))


litellm.suppress_debug_info = True
shared.run([plain, tools, image, schema, others, errors], f"litellm {version('litellm')}")
