"""OpenAI's Python client against the gateway: nothing but `base_url` and the key are set.

Run by tests/clients/main.rs, which starts what this calls, with the gateway's URL as argument.
"""

import asyncio
import sys

import openai

URL = sys.argv[1] + "/v1"
HELLO = [{"role": "user", "content": "Hello"}]


def make(**more):
    return openai.OpenAI(**{"base_url": URL, "api_key": "sk-gateway", "max_retries": 0, **more})


client = make()


def fails(kind, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, f"{type(error)} instead of {kind}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def chat(model="good", with_=client, **more):
    return with_.chat.completions.create(model=model, messages=HELLO, **more)


def plain():
    answer = chat(temperature=0.2, user="u")
    assert answer.choices[0].message.content == "Hello from good.", answer
    assert answer.usage.completion_tokens == 5, answer
    raw = client.chat.completions.with_raw_response.create(model="flaky", messages=HELLO)
    assert raw.headers["x-pointsman-deployment"] == "whole", raw.headers
    assert raw.headers["x-pointsman-model-group"] == "flaky", raw.headers
    assert raw.parse().choices[0].message.content == "Hello from whole."
    completion = client.completions.create(model="good", prompt="Once")
    assert completion.choices[0].text == "Hello from good.", completion


def streamed():
    for model, who in [("good", "good"), ("flaky", "whole")]:
        text, usage = "", None
        for chunk in chat(model, stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        assert text == f"Hello from {who}.", text
        assert usage.completion_tokens == 5, usage
    with client.chat.completions.stream(model="good", messages=HELLO) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Hello from good.", final


def broken_stream():
    text = ""

    def read():
        nonlocal text
        for chunk in chat("breaks", stream=True):
            text += chunk.choices[0].delta.content or ""

    error = fails(openai.APIError, read)
    assert text and error.message, (text, error)


def errors():
    missing = fails(openai.NotFoundError, lambda: chat("no-such-model"))
    assert missing.code == "model_not_found" and missing.param == "model", missing.body
    fails(openai.NotFoundError, lambda: chat("no-such-model", stream=True))
    limited = fails(openai.RateLimitError, lambda: chat("limited"))
    assert "slow down" in limited.message, limited.message
    assert limited.response.headers["x-pointsman-attempts"], limited.response.headers
    full = fails(openai.RateLimitError, lambda: [chat("once") for _ in range(2)])
    assert int(full.response.headers["retry-after"]) > 0, full.response.headers
    wrong = make(api_key="sk-wrong")
    denied = fails(openai.AuthenticationError, lambda: chat(with_=wrong))
    assert denied.code == "invalid_api_key", denied.body
    fails(openai.AuthenticationError, lambda: wrong.models.list())
    fails(openai.InternalServerError, lambda: chat("down"))
    fails(openai.BadRequestError, lambda: chat(extra_body={"messages": 7}))
    fails(openai.BadRequestError, lambda: chat("strict"))
    fails(openai.APITimeoutError, lambda: chat("hangs", timeout=0.3))


def the_rest():
    vectors = client.embeddings.create(model="good", input=["one", "two"])
    assert len(vectors.data) == 2 and len(vectors.data[0].embedding) > 0, vectors
    names = [model.id for model in client.models.list()]
    assert "good" in names and "flaky" in names, names
    assert client.models.retrieve("good").id == "good"
    fails(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"))
    # Its own retries get over what the gateway tells it to wait for.
    assert chat("recovers", with_=make(max_retries=3)).choices[0].message.content


async def asynchronous():
    async with openai.AsyncOpenAI(base_url=URL, api_key="sk-gateway") as client:
        asks = [client.chat.completions.create(model="flaky", messages=HELLO) for _ in range(20)]
        answers = await asyncio.gather(*asks)
        assert {a.choices[0].message.content for a in answers} == {"Hello from whole."}
        stream = await client.chat.completions.create(model="good", messages=HELLO, stream=True)
        text = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(text) == "Hello from good.", text


for step in [plain, streamed, broken_stream, errors, the_rest]:
    step()
asyncio.run(asynchronous())
print(f"openai {openai.__version__} for Python: all is well")
