"""LangChain's models of OpenAI's, Anthropic's and Google's dialects: each answered by each vendor."""

from importlib.metadata import version

import shared
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from shared import KEY, PNG, SCHEMA, SUNNY, URL, VECTORS, fails, hello, same


def dialects(model, key=KEY):
    common = {"model": model, "max_retries": 0}
    yield ChatOpenAI(base_url=URL + "/v1", api_key=key, stream_usage=True, **common)
    yield ChatOpenAI(base_url=URL + "/v1", api_key=key, use_responses_api=True, **common)
    yield ChatAnthropic(base_url=URL, api_key=key, max_tokens=50, **common)
    yield ChatGoogleGenerativeAI(base_url=URL, google_api_key=key, **common)


@tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


def text(message):
    return message.text if isinstance(message.text, str) else message.text()


def plain(model):
    for chat in dialects(model):
        same(text(chat.invoke("Hello")), hello(model))
        whole = None
        for piece in chat.stream("Hello"):
            whole = piece if whole is None else whole + piece
        same(text(whole), hello(model))
        same(whole.usage_metadata["total_tokens"], 15)


def tools(model):
    for chat in dialects(model):
        if getattr(chat, "use_responses_api", False) and model in ["from-openai", "from-azure"]:
            continue  # The upstreams of this test call no tools in that dialect.
        able = chat.bind_tools([weather])
        asked = HumanMessage("How is it in Paris?")
        called = able.invoke([asked])
        (call,) = called.tool_calls
        same((call["name"], call["args"]), ("weather", {"city": "Paris"}))
        told = weather.invoke(call)
        assert isinstance(told, ToolMessage), told
        same(text(able.invoke([asked, called, told])), SUNNY)


def image(model):
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    for chat in dialects(model):
        parts = [{"type": "text", "text": "What is this?"}, picture]
        same(text(chat.invoke([HumanMessage(content_blocks=parts)])), "A picture.")


def schema(model):
    form = {"title": "answer", "description": "A city.", **SCHEMA}
    for chat in dialects(model):
        same(chat.with_structured_output(form, method="json_schema").invoke("Where?"), {"capital": "Paris"})


def vectors(model):
    if model in VECTORS:
        embed = OpenAIEmbeddings(
            base_url=URL + "/v1", api_key=KEY, model=model, check_embedding_ctx_length=False
        )
        same([len(one) > 0 for one in embed.embed_documents(["one", "two"])], [True, True])


def errors(model):
    for chat in [*dialects(model + "-not"), *dialects(model, key="sk-wrong")]:
        error = fails(Exception, lambda chat=chat: chat.invoke("Hello"))
        assert "401" in str(error) or "404" in str(error), error


versions = [f"{name} {version(name)}" for name in ["langchain-openai", "langchain-anthropic"]]
shared.run([plain, tools, image, schema, vectors, errors], ", ".join(versions))
