"""The clients of OpenAI, Anthropic and Google before simulated deployments, each in its own dialect."""

import anthropic
import openai
from google import genai
from google.genai import types
from shared import KEY, URL, run, same

HELLO = [{"role": "user", "content": "Hello"}]


def simulated(text):
    """Any of the group may have answered."""
    assert text.startswith("This is a simulated answer from the deployment simulated-"), text
    assert text.endswith("the real thing."), text


def openais(model):
    client = openai.OpenAI(api_key=KEY, base_url=URL + "/v1")
    answer = client.chat.completions.create(model=model, messages=HELLO)
    simulated(answer.choices[0].message.content)
    pieces = list(
        client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    simulated(text)
    same(pieces[-1].usage.total_tokens, answer.usage.total_tokens)
    vectors = client.embeddings.create(model=model, input=["one", "two"])
    same([len(one.embedding) for one in vectors.data], [8, 8])


def responses(model):
    client = openai.OpenAI(api_key=KEY, base_url=URL + "/v1")
    answer = client.responses.create(model=model, input="Hello")
    simulated(answer.output_text)
    with client.responses.stream(model=model, input="Hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) > 4, deltas
    same("".join(deltas), final.output_text)
    simulated(final.output_text)
    same(final.status, "completed")


def anthropics(model):
    client = anthropic.Anthropic(api_key=KEY, base_url=URL)
    answer = client.messages.create(model=model, max_tokens=99, messages=HELLO)
    simulated(answer.content[0].text)
    same(answer.stop_reason, "end_turn")
    with client.messages.stream(model=model, max_tokens=99, messages=HELLO) as stream:
        pieces, final = list(stream.text_stream), stream.get_final_message()
    assert len(pieces) > 4, pieces
    simulated("".join(pieces))
    same(final.usage.output_tokens, answer.usage.output_tokens)
    count = client.messages.count_tokens(model=model, messages=HELLO)
    same(count.input_tokens, answer.usage.input_tokens)


def googles(model):
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL))
    answer = client.models.generate_content(model=model, contents="Hello")
    simulated(answer.text)
    pieces = list(client.models.generate_content_stream(model=model, contents="Hello"))
    assert len(pieces) > 4, pieces
    simulated("".join(piece.text or "" for piece in pieces))
    same(pieces[-1].candidates[0].finish_reason, types.FinishReason.STOP)
    count = client.models.count_tokens(model=model, contents="Hello")
    same(count.total_tokens, answer.usage_metadata.prompt_token_count)


run([openais, responses, anthropics, googles], "simulated deployments", ["gpt-4o-mini"])
