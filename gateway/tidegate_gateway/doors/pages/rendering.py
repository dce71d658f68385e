"""HTML of the docs pages. Jinja2 with autoescape on for everything: a contract's text is never markup.

Called by `router` only. Links within the pages are relative, so that they hold behind any proxy.
"""

from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tidegate_gateway.doors.pages.content import ErrorPage, TopicEntry, TopicPage, error_entries

__all__ = ["STYLE", "STYLE_TAG", "error_html", "fault_html", "index_html", "topic_html"]

STYLE: Final = files("tidegate_gateway.doors.pages").joinpath("templates/style.css").read_bytes()
"""The style sheet of every page."""
STYLE_TAG: Final = sha256(STYLE).hexdigest()[:12]
"""Changes with the style sheet, so that it may be cached for long."""


def with_code(text: str) -> Markup:
    """The text escaped, with `what stands between backticks` as code."""
    parts = (escape(part) for part in text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def breakable(text: str) -> Markup:
    """A dotted name that may be broken after its dots, where a phone has no room for it."""
    return escape(text).replace(".", Markup(".<wbr>")).replace("_", Markup("_<wbr>"))


def sentence(text: str) -> str:
    """A detail as a sentence of its own: a capital first, unless it begins with a name (`customer.orders has ...`)."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


_environment = Environment(
    loader=PackageLoader("tidegate_gateway.doors.pages", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(with_code=with_code, breakable=breakable, sentence=sentence)
_environment.globals.update(style_tag=STYLE_TAG)


def index_html(topics: list[TopicEntry], root: str) -> str:
    """The index: the topics that the caller may see, and every error code. `root` leads to `/` from the page."""
    return _environment.get_template("index.html").render(topics=topics, errors=error_entries(), root=root)


def topic_html(page: TopicPage, root: str) -> str:
    """A topic's page."""
    return _environment.get_template("topic.html").render(page=page, root=root)


def error_html(page: ErrorPage, root: str) -> str:
    """The page of an error code."""
    return _environment.get_template("error.html").render(page=page, root=root)


def fault_html(status: int, title: str, detail: str, code: str, remedy: str, root: str) -> str:
    """What a person sees instead of a page that is refused."""
    return _environment.get_template("fault.html").render(
        status=status, title=title, detail=detail, code=code, remedy=remedy, root=root
    )
