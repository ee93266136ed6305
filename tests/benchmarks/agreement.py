"""Nothing is timed before all have given the same answers."""

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.benchmarks.load import Request
from tests.benchmarks.processes import Server

OWN = frozenset({"openapi"})  # each describes itself, in its own words


class Disagreement(Exception):
    """Two servers answer differently. Its text says where, and both values."""


def check(servers: Mapping[str, Server], requests: Mapping[str, Sequence[Request]]) -> None:
    """Raises Disagreement."""
    for name, sent in requests.items():
        on_one = [request for request in sent if request.path == sent[0].path]  # what one does, another takes back
        answers = {
            server.name: [_comparable(_answer(server.port, request)) for request in on_one]
            for server in servers.values()
        }
        if name in OWN:
            _check_documents({server: document for server, [document] in answers.items()})
        else:
            _check_equal(name, answers)


def _answer(port: int, request: Request) -> Any:
    url, body = f"http://127.0.0.1:{port}{request.path}", request.body.encode() or None
    with urllib.request.urlopen(urllib.request.Request(url, body, request.headers, method=request.method)) as answer:
        return json.load(answer)


def _comparable(value: Any, *, new: bool = False) -> Any:
    """The answer with its times in one form; of what was made for it, a comment, no more than that there are some."""
    if isinstance(value, dict):
        return {key: _member(key, item, new=new or "comment" in value) for key, item in value.items()}
    return [_comparable(item, new=new) for item in value] if isinstance(value, list) else value


def _member(key: str, value: Any, *, new: bool) -> Any:
    if new and key == "id":
        return type(value).__name__
    if key in {"createdAt", "updatedAt"} and isinstance(value, str):
        return "a moment" if new else datetime.fromisoformat(value).isoformat()
    return _comparable(value, new=new)


def _check_documents(answers: Mapping[str, Any]) -> None:
    for name, document in answers.items():
        if not (document["openapi"].startswith("3.") and any("/api/articles" in path for path in document["paths"])):
            message = f"openapi: what {name} answers is no OpenAPI document of this API"
            raise Disagreement(message)


def _check_equal(what: str, answers: Mapping[str, Any]) -> None:
    (first, expected), *others = answers.items()
    for name, answer in others:
        for path, here, there in _differences("", expected, answer):
            message = f"{what}: {path or 'the whole answer'} is {here!r} at {first}, {there!r} at {name}"
            raise Disagreement(message)


def _differences(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where two answers differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key, value in one.items():
            yield from _differences(f"{path}.{key}", value, other[key])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (value, of_other) in enumerate(zip(one, other, strict=True)):
            yield from _differences(f"{path}[{place}]", value, of_other)
    elif one != other:
        yield path, one, other
