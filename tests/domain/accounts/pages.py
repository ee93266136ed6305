"""The pages of accounts, as a browser without scripts understands them."""

import re
from html.parser import HTMLParser

import httpx


class Form(HTMLParser):
    """What a browser would send, and what it shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action, self.method, self.fields, self.labels = "", "", {}, set()
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        assert not [name for name in given if name == "style" or name.startswith("on")], "the policy forbids it"
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        elif tag == "label":
            self.labels.add(given["for"])
        elif tag == "input":
            assert given.get("type") == "hidden" or "id" in given
            if "name" in given:
                self.fields[given["name"]] = given.get("value", "")


def title(answer: httpx.Response) -> str:
    return re.search(r"<h1>(.*)</h1>", answer.text)[1]
