"""Google's Python client: each call answered by each vendor in turn."""

import base64
import json

import shared
from google import genai
from google.genai import errors as failures
from google.genai import types
from google.oauth2.credentials import Credentials
from shared import ANSWER, CITY, KEY, PNG, SCHEMA, SUNNY, URL, VECTORS, fails, hello, same


def make(key=KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))


client = make()
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="Tells the weather.",
            parameters=types.Schema(
                type="OBJECT", properties={"city": {"type": "STRING"}}, required=["city"]
            ),
        )
    ]
)


def ask(model, contents="Hello", **config):
    return client.models.generate_content(model=model, contents=contents, config=config)


def plain(model):
    answer = ask(model, system_instruction="Be brief.", max_output_tokens=50)
    same(answer.text, hello(model))
    same(answer.candidates[0].finish_reason, types.FinishReason.STOP)
    same(answer.usage_metadata.total_token_count, 15)
    pieces = list(client.models.generate_content_stream(model=model, contents="Hello"))
    assert len(pieces) > 1, pieces
    same("".join(piece.text or "" for piece in pieces), hello(model))
    same(pieces[-1].candidates[0].finish_reason, types.FinishReason.STOP)
    same(pieces[-1].usage_metadata.total_token_count, 15)


def tools(model):
    asked = types.UserContent("How is it in Paris?")
    config = {"tools": [TOOL], "automatic_function_calling": {"disable": True}}

    def streamed():
        pieces = client.models.generate_content_stream(model=model, contents=[asked], config=config)
        return [content for piece in pieces if (content := piece.candidates[0].content).parts]

    for turn in [ask(model, [asked], **config).candidates[0].content, streamed()[-1]]:
        call = turn.parts[0].function_call
        same((call.name, call.args), ("weather", {"city": "Paris"}))
        told = types.Part.from_function_response(name="weather", response={"result": "sunny"})
        told.function_response.id = call.id
        answer = ask(model, [asked, turn, types.Content(role="user", parts=[told])], **config)
        same(answer.text, SUNNY)


def functions(model):
    """The client calls the function itself, and asks again."""

    def weather(city: str) -> str:
        """Tells the weather."""
        return f"sunny in {city}"

    same(ask(model, "How is it in Paris?", tools=[weather]).text, SUNNY)


def image(model):
    picture = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    same(ask(model, ["What is this?", picture]).text, "A picture.")


def schema(model):
    json_type = "application/json"
    for form in [
        {"response_schema": {"type": "OBJECT", "properties": {"capital": {"type": "STRING"}}}},
        {"response_json_schema": SCHEMA},
    ]:
        answer = ask(model, response_mime_type=json_type, **form)
        same(json.loads(answer.text), json.loads(ANSWER))


def chat(model):
    talk = client.chats.create(model=model)
    for _ in range(2):
        same("".join(piece.text or "" for piece in talk.send_message_stream("Hello")), hello(model))


def count(model):
    assert client.models.count_tokens(model=model, contents="Hello").total_tokens > 0


def vectors(model):
    if model in VECTORS:
        answer = client.models.embed_content(model=model, contents=["one", "two"])
        # Of models that have `gemini` in their name the client wants one vector for all.
        many = 1 if "gemini" in model else 2
        same([len(one.values) > 0 for one in answer.embeddings], [True] * many)


def vertex(model):
    """The same client in its Vertex AI mode, with a token and with a key."""
    options = types.HttpOptions(base_url=URL)
    token = genai.Client(
        vertexai=True,
        project="any",
        location="us-central1",
        credentials=Credentials(KEY),
        http_options=options,
    )
    for one in [token, genai.Client(vertexai=True, api_key=KEY, http_options=options)]:
        answer = one.models.generate_content(model=model, contents="Hello")
        same(answer.text, hello(model))
        same(answer.usage_metadata.total_token_count, 15)
        pieces = list(one.models.generate_content_stream(model=model, contents="Hello"))
        same("".join(piece.text or "" for piece in pieces), hello(model))
        same(pieces[-1].candidates[0].finish_reason, types.FinishReason.STOP)
        assert one.models.count_tokens(model=model, contents="Hello").total_tokens > 0
        names = [known.name for known in one.models.list()]
        assert f"publishers/google/models/{model}" in names, names
        same(one.models.get(model=model).name, f"publishers/google/models/{model}")
        missing = fails(
            failures.ClientError,
            lambda one=one: one.models.generate_content(model=model + "-not", contents="Hello"),
        )
        same((missing.code, missing.status), (404, "NOT_FOUND"))
        if model in VECTORS:
            # Of models that have `gemini` in their name the client asks for one vector in a way
            # of their own.
            texts = ["one"] if "gemini" in model else ["one", "two"]
            answer = one.models.embed_content(model=model, contents=texts)
            same([len(vector.values) > 0 for vector in answer.embeddings], [True] * len(texts))


def errors(model):
    missing = fails(failures.ClientError, lambda: ask(model + "-not"))
    same((missing.code, missing.status), (404, "NOT_FOUND"))
    wrong = make("sk-wrong")
    denied = fails(
        failures.ClientError,
        lambda: wrong.models.generate_content(model=model, contents="Hello"),
    )
    same((denied.code, denied.status), (401, "UNAUTHENTICATED"))
    assert f"models/{model}" in [one.name for one in client.models.list()]
    same(client.models.get(model=model).name, f"models/{model}")


shared.run(
    [plain, tools, functions, image, schema, chat, count, vectors, vertex, errors],
    f"google-genai {genai.__version__}",
)
