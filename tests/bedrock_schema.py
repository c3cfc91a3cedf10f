"""Holds the golden bodies for Bedrock against AWS's own model of the service, as botocore ships it.

    python3 tests/bedrock_schema.py crates/providers/bedrock/tests/golden

Prints every body that is not as the model has it, and ends with 1; with 77 where there is no botocore.
"""

import json
import re
import sys
from pathlib import Path

try:
    import botocore.session
    from botocore.validate import ParamValidator
except ImportError:
    print("botocore is not here: nothing is checked")
    sys.exit(77)

OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "count-tokens": "CountTokens",
}


def narrower(shape, value, at):
    """What botocore leaves to the service: enums, patterns, upper bounds."""
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        for name, member in shape.members.items():
            if name in value:
                yield from narrower(member, value[name], f"{at}.{name}")
    elif kind == "list":
        for nth, one in enumerate(value):
            yield from narrower(shape.member, one, f"{at}[{nth}]")
    elif kind == "map":
        for name, one in value.items():
            yield from narrower(shape.value, one, f"{at}.{name}")
    elif kind == "string":
        pattern = shape.metadata.get("pattern")
        if shape.enum and value not in shape.enum:
            yield f"{at}: {value!r} is none of {shape.enum}"
        if pattern and not re.fullmatch(pattern, value):
            yield f"{at}: {value!r} does not match {pattern}"
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{at}: too long"
    elif kind in ("integer", "float", "long", "double"):
        if value > shape.metadata.get("max", value):
            yield f"{at}: {value} is too much"


def main(folder):
    service = botocore.session.Session().get_service_model("bedrock-runtime")
    wrong = checked = 0
    for path in sorted(Path(folder).glob("*.json")):
        golden = json.loads(path.read_text())
        method = golden["path"].rsplit("/", 1)[1]
        if method not in OPERATIONS:
            continue
        shape = service.operation_model(OPERATIONS[method]).input_shape
        body = {"modelId": "amazon.nova-lite-v1:0", **golden["sent"]}
        report = ParamValidator().validate(body, shape)
        faults = [report.generate_report()] if report.has_errors() else []
        faults += narrower(shape, body, "")
        checked += 1
        if faults:
            wrong += 1
            print(f"{path.name}:", *faults, sep="\n  ")
    print(f"{checked} bodies checked, {wrong} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
