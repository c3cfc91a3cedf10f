"""Simon Willison's `llm`, on the command line, with the gateway's models in its own file."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from importlib.metadata import version

import shared
from shared import ANSWER, KEY, MODELS, PNG, SCHEMA, URL, hello, same

HOME = tempfile.TemporaryDirectory()
ENTRY = """- model_id: {model}
  model_name: {model}
  api_base: {url}/v1
  api_key_name: gateway
  vision: true
  supports_tools: true
  supports_schema: true
"""
WEATHER = 'def weather(city: str) -> str:\n    "Tells the weather."\n    return "sunny"\n'

home = pathlib.Path(HOME.name)
entries = [ENTRY.format(model=model, url=URL) for model in [*MODELS, "from-nobody"]]
(home / "extra-openai-models.yaml").write_text("".join(entries))
(home / "picture.png").write_bytes(base64.b64decode(PNG))


def call(*args, key=KEY):
    command = [sys.executable, "-m", "llm", *args, "--key", key, "--no-log"]
    environment = {**os.environ, "LLM_USER_PATH": str(home)}
    return subprocess.run(command, env=environment, input="", capture_output=True, text=True)


def llm(model, *args):
    done = call("-m", model, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def plain(model):
    same(llm(model, "Hello"), hello(model))
    same(llm(model, "Hello", "--no-stream"), hello(model))


def tools(model):
    assert llm(model, "How is it in Paris?", "--functions", WEATHER).endswith(shared.SUNNY)


def image(model):
    same(llm(model, "What is this?", "-a", str(home / "picture.png")), "A picture.")


def schema(model):
    same(llm(model, "Where?", "--schema", json.dumps(SCHEMA)).replace(" ", ""), ANSWER)


def errors(model):
    for done, said in [
        (call("-m", "from-nobody", "Hello"), "from-nobody"),
        (call("-m", model, "Hello", key="sk-wrong"), "key"),
    ]:
        assert done.returncode != 0 and said in done.stderr, done


shared.run([plain, tools, image, schema, errors], f"llm {version('llm')}")
HOME.cleanup()
