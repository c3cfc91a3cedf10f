"""What the clients' tests share: what they ask, and what every vendor is to answer.

Run by main.rs, with the gateway's URL as argument. The group `from-VENDOR` is answered by that
vendor, after the vendors before it have failed.
"""

import sys

URL = sys.argv[1]
KEY = "sk-gateway"
VENDORS = ["openai", "azure", "anthropic", "gemini", "bedrock"]
MODELS = [f"from-{vendor}" for vendor in VENDORS]
# Claude has no vectors.
VECTORS = ["from-openai", "from-azure", "from-gemini"]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
SCHEMA = {
    "type": "object",
    "properties": {"capital": {"type": "string"}},
    "required": ["capital"],
    "additionalProperties": False,
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANSWER = '{"capital":"Paris"}'
SUNNY = "It is sunny in Paris."


def hello(model):
    return f"Hello from {model.removeprefix('from-')}."


def same(found, want):
    assert found == want, f"{found!r} instead of {want!r}"


def fails(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def run(steps, what, models=MODELS):
    for step in steps:
        for model in models:
            try:
                step(model)
            except Exception:
                print(f"{step.__name__} at {model}:", file=sys.stderr)
                raise
    print(f"{what}: all is well")
