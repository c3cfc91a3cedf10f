"""Anthropic's Python client: each call answered by each vendor in turn."""

import anthropic
import shared
from shared import ANSWER, CITY, KEY, PNG, SCHEMA, SUNNY, URL, fails, hello, same

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"name": "weather", "description": "Tells the weather.", "input_schema": CITY}


def ask(model, messages=HELLO, **more):
    return client.messages.create(model=model, max_tokens=50, messages=messages, **more)


def streamed(model, messages=HELLO, **more):
    with client.messages.stream(model=model, max_tokens=50, messages=messages, **more) as stream:
        return stream.get_final_message()


def plain(model):
    for answer in [ask(model), streamed(model)]:
        same([block.text for block in answer.content], [hello(model)])
        same(answer.stop_reason, "end_turn")
        same((answer.usage.input_tokens, answer.usage.output_tokens), (10, 5))


def tools(model):
    asked = [{"role": "user", "content": "How is it in Paris?"}]
    for how in [ask, streamed]:
        answer = how(model, asked, tools=[TOOL])
        same(answer.stop_reason, "tool_use")
        call = answer.content[0]
        same((call.name, call.input), ("weather", {"city": "Paris"}))
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        said = [
            *asked,
            {"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
            {"role": "user", "content": [result]},
        ]
        same(how(model, said, tools=[TOOL]).content[0].text, SUNNY)


def image(model):
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    same(ask(model, [{"role": "user", "content": parts}]).content[0].text, "A picture.")


def schema(model):
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    same(ask(model, output_config=form).content[0].text.replace(" ", ""), ANSWER)


def count(model):
    assert client.messages.count_tokens(model=model, messages=HELLO).input_tokens > 0


def errors(model):
    fails(anthropic.NotFoundError, lambda: ask(model + "-not"))
    fails(anthropic.NotFoundError, lambda: streamed(model + "-not"))
    wrong = client.with_options(api_key="sk-wrong")
    denied = fails(
        anthropic.AuthenticationError,
        lambda: wrong.messages.create(model=model, max_tokens=5, messages=HELLO),
    )
    same(denied.body["error"]["type"], "authentication_error")
    fails(anthropic.BadRequestError, lambda: ask(model, 7))
    assert model in [one.id for one in client.models.list()]


shared.run([plain, tools, image, schema, count, errors], f"anthropic {anthropic.__version__}")
