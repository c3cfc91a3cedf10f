"""Holds what the chain of AWS's keys is tested with against botocore: same files and environment in, same
requests and keys out.

    python3 tests/aws_chain.py crates/providers/bedrock/tests/data/chain.json [--write]

Prints every case in which botocore does something else than the file says, and ends with 1; with 77 where
there is no botocore. `--write` writes what botocore does into the file.
"""

import io
import json
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

try:
    import botocore.credentials
    import botocore.httpsession
    import botocore.session
    import botocore.tokens
    from botocore.awsrequest import AWSResponse
except ImportError:
    print("botocore is not here: nothing is checked")
    sys.exit(77)

# The folder that stands for `/` in a case.
ROOT = tempfile.mkdtemp()
LATER = "2099-01-01T00:00:00Z"


class Body(io.BytesIO):
    def stream(self, **_):
        yield self.read()


def sts(role):
    parts = {"AccessKeyId": role, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": LATER}
    keys = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    return "".join(
        f"<{kind}Response><{kind}Result><Credentials>{keys}</Credentials></{kind}Result></{kind}Response>"
        for kind in ["AssumeRole"]
    )


def lent(name):
    return json.dumps(
        {"Code": "Success", "AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": LATER}
    )


def answer(request, asked):
    url, headers = urlsplit(request.url), {key.lower(): value for key, value in request.headers.items()}
    text = {key: value.decode() if isinstance(value, bytes) else value for key, value in headers.items()}
    body = request.body or b""
    body = body.decode() if isinstance(body, bytes) else body
    if url.hostname.startswith("sts."):
        form = dict(parse_qsl(body))
        if form.get("RoleSessionName", "").startswith("botocore-session-"):
            del form["RoleSessionName"]
        form.pop("Version")
        by = text.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        told = "&".join(f"{key}={form[key]}" for key in sorted(form))
        asked.append(f"sts {told} by {by}".removesuffix(" by "))
        return sts(form["RoleArn"]).replace("AssumeRole", form["Action"])
    if url.hostname.startswith("portal.sso."):
        query = "&".join(sorted(url.query.split("&")))
        asked.append(f"{url.hostname}{url.path} {query} with {text['x-amz-sso_bearer_token']}")
        keys = {"accessKeyId": "SSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4070908800000}
        return json.dumps({"roleCredentials": keys})
    if url.hostname.startswith("oidc."):
        asked.append(f"{url.hostname}{url.path} {json.dumps(json.loads(body), sort_keys=True)}")
        return json.dumps({"accessToken": "renewed", "expiresIn": 3600, "refreshToken": "r2", "tokenType": "Bearer"})
    with_token = text.get("x-aws-ec2-metadata-token") or text.get("authorization") or ""
    asked.append(f"{request.method} {request.url} {with_token}".strip())
    if url.path.endswith("/api/token"):
        return "imds"
    if url.path.endswith("/security-credentials/"):
        return "role"
    return lent("IMDS" if "meta-data" in url.path else "CONTAINER")


class Ran:
    returncode = 0

    def __init__(self, case, words):
        self.prints = case.get("programs", {})[" ".join(words)]

    def communicate(self):
        return self.prints.encode(), b""


def place(case):
    """The case's files below the root, and the environment that leads there."""
    for path, text in case.get("files", {}).items():
        at = Path(ROOT + path)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text.replace("=/", f"={ROOT}/") if path.endswith("config") else text)
    paths = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "HOME")
    env = {"HOME": "/h", "AWS_REGION": "us-east-1", **case["env"]}
    return {name: ROOT + value if name in paths else value for name, value in env.items()}


def does(case):
    os.system(f"rm -rf {ROOT}/*")
    os.environ.clear()
    os.environ.update(place(case), PATH="/usr/bin:/bin")
    cache = os.path.join(ROOT, "h/.aws/sso/cache")
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
    asked = []

    def send(_, request):
        said = answer(request, asked).encode()
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Body(said))

    botocore.httpsession.URLLib3Session.send = send
    popen = botocore.credentials.ProcessProvider.__init__.__defaults__
    botocore.credentials.ProcessProvider.__init__.__defaults__ = (lambda words, **_: Ran(case, words),)
    try:
        found = botocore.session.Session(profile=case.get("profile")).get_credentials()
        frozen = found and found.get_frozen_credentials()
        keys = " ".join(str(part) for part in frozen[:3] if part) if frozen else "none"
    except Exception as error:
        print(f"  {case['name']}: {type(error).__name__}: {error}", file=sys.stderr)
        return {"keys": "error", "asked": []}
    finally:
        botocore.credentials.ProcessProvider.__init__.__defaults__ = popen
    return {"keys": keys, "asked": asked}


def main(path, write):
    cases = json.loads(Path(path).read_text())
    wrong = 0
    for case in cases:
        done = does(case)
        if write:
            case["want"] = done
        elif case["want"] != done:
            wrong += 1
            print(f"{case['name']}:\n  {done}\n  instead of\n  {case['want']}")
    if write:
        Path(path).write_text(json.dumps(cases, indent=1) + "\n")
    print(f"{len(cases)} cases, {wrong} wrong")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--write" in sys.argv))
