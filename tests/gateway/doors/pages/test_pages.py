"""The docs pages: every anchor that errors link to, nothing of a contract as markup, and the rights of the reads."""

import base64
import json
import subprocess
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser

import httpx2
import msgspec
import pytest

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.errors import ERRORS, Code
from tidegate_gateway.doors.pages.commands import commands
from tidegate_gateway.doors.pages.content import topic_page
from tidegate_gateway.doors.pages.rendering import STYLE, STYLE_TAG, breakable, sentence, topic_html, with_code
from tidegate_gateway.doors.rest.deps import GrpcAddress, RestDeps

Ask = Callable[..., Awaitable[httpx2.Response]]
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
VOID = {"meta", "link", "wbr", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart; complains where an element is not closed, or closed twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if given.get("href"):
            self.links.append(str(given["href"]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


async def page(ask: Ask, path: str, name: str | None = "reader") -> Page:
    answer = await ask(path, name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


ALL_PAGES = ["/docs", "/docs/topics/customer.orders", "/docs/topics/customer.order-status", *(f"/docs/errors/{code}" for code in Code)]  # fmt: skip


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_a_page_is_well_formed_and_runs_nothing(ask: Ask, path: str) -> None:
    found = await page(ask, path)
    assert len(found.ids) == len(set(found.ids))
    assert not {"script", "style", "iframe", "img", "form"} & set(found.tags)
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}
    assert found.tags.count("h1") == found.tags.count("main") == 1


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_every_link_within_the_pages_leads_somewhere(ask: Ask, path: str) -> None:
    base = httpx2.URL("http://gate").join(path)
    for link in set((await page(ask, path)).links):
        target = base.join(link)
        if target.host != "gate" or target.scheme != "http":
            continue
        answer = await ask(target.raw_path.decode(), "reader")
        assert answer.status_code == 200, link
        if target.fragment:
            assert target.fragment in Page(answer.text).ids


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_security_fields(ask: Ask, path: str) -> None:
    headers = (await ask(path, "reader")).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_the_style_sheet_is_served_as_one(ask: Ask) -> None:
    found = await page(ask, "/docs/errors/malformed")
    assert f"../../docs/style.css?{STYLE_TAG}" in found.links
    answer = await ask("/docs/style.css")
    assert (answer.content, answer.headers["content-type"]) == (STYLE, "text/css; charset=utf-8")
    assert b"url(" not in STYLE
    assert b"prefers-color-scheme: dark" in STYLE


def contracts_of(deps: RestDeps) -> list[CompiledContract]:
    return list(deps.intake.catalogue.current.contracts.values())


def test_every_field_of_every_version_has_its_anchor(deps: RestDeps) -> None:
    for contract in contracts_of(deps):
        found = Page(topic_html(topic_page(contract, "https://gate.example.com"), ""))
        for version in contract.versions.values():
            assert {field.path for field in version.codec.fields()} <= set(found.ids)


def test_a_field_that_two_branches_share_has_one_anchor(deps: RestDeps) -> None:
    contract = deps.intake.catalogue.current.contracts["customer.orders"]
    newest = contract.newest

    class Twice:
        media_types = newest.codec.media_types
        has_key = True
        check = newest.codec.check
        key_bytes = newest.codec.key_bytes
        example = newest.codec.example

        def fields(self) -> tuple[object, ...]:
            return newest.codec.fields() * 2

    doubled = CompiledVersion(contract.topic, newest.source, Twice())  # type: ignore[arg-type]  # fields of one kind
    found = Page(topic_html(topic_page(CompiledContract(contract.source, {2: doubled}), ""), ""))
    assert found.ids.count("items.coffee.boldness") == 1
    assert found.text.count("int, 1 to 10") == 2


async def test_a_topics_page_says_what_a_producer_needs(ask: Ask) -> None:
    text = (await page(ask, "/docs/topics/customer.orders")).text
    for said in (
        "Customer <orders>", "One order that a customer placed.", "version 2", "int, 1 to 10", "sensitive", "event time",
        "500 events a second and 1,000,000 bytes a second, in bursts of 2 s", "65,536 bytes", "checkout-producer",
        "Freshness", "60 s", "checkout", "#checkout-data", "Only up to version 1", "Gone since version 2.", 'default "<none>"',
    ):  # fmt: skip
        assert said in text, said


async def test_a_contracts_text_is_never_markup(ask: Ask) -> None:
    answer = await ask("/docs/topics/customer.orders", "reader")
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; why" in answer.text
    assert "Customer &lt;orders&gt;" in answer.text
    assert not any(link.startswith("javascript:") for link in Page(answer.text).links)
    assert "https://chat.example.com/checkout-data" in Page(answer.text).links


def test_every_command_of_a_page_is_a_shell_command_that_sends_the_example(deps: RestDeps) -> None:
    contract = deps.intake.catalogue.current.contracts["customer.orders"]
    at = "https://gate.example.com/v1/topics/customer.orders"
    example = json.loads(contract.newest.codec.example())
    event = {"value": example}
    one, lines = "application/json", "application/x-ndjson"
    sent = []
    for command in commands(contract, "https://gate.example.com"):
        if command.text.startswith("python3"):
            continue  # run end to end
        script = command.text.replace("gzip -c", "cat", 1).replace("curl -sS", "shown", 1)
        shell = 'TOKEN=t; shown() { printf "%s\\n" "$@"; cat; }\n' + script
        done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
        words, _, body = done.stdout.partition("--data-binary\n@-\n")
        url, *fields = words.splitlines()
        assert fields[:3] == ["-H", "Authorization: Bearer t", "-H"]
        assert fields[3] in {f"Content-Type: {one}", f"Content-Type: {lines}"}
        assert ("Content-Encoding: gzip" in fields) is command.text.startswith("gzip -c <<")
        sent.append(
            (
                url.removeprefix(at),
                [json.loads(line) for line in body.splitlines()] if lines in words else json.loads(body),
            )
        )
    assert sent == [
        ("/events", example), ("/events:validate", example), ("/events:batch", {"events": [event, event]}),
        ("/events:batch", [event, event]), ("/events:batch?format=values", [example, example]), ("/events", example),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("grpc", "options"),
    [
        (GrpcAddress(target="gate:8081", tls=False, reflection=True), ["-plaintext"]),
        (GrpcAddress(target="gate:8081", tls=True, reflection=True), []),
        (GrpcAddress(target="[::1]:9", tls=True, reflection=False), ["-proto", "ingest.proto"]),
    ],
)  # fmt: skip
def test_the_grpcurl_line_sends_the_example(deps: RestDeps, grpc: GrpcAddress, options: list[str]) -> None:
    contract = deps.intake.catalogue.current.contracts["customer.orders"]
    (command,) = [one for one in commands(contract, "https://gate", grpc) if "gRPC" in one.what]
    shell = 'TOKEN=t; curl() { :; }; grpcurl() { printf "%s\n" "$@"; }\n' + command.text
    done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    *words, data, target, method = done.stdout.splitlines()
    fetched = "curl -sS https://gate/docs/ingest.proto -o ingest.proto" in command.text
    assert fetched is (not grpc.reflection)
    assert words == [*options, "-H", "Authorization: Bearer t", "-d"]
    assert (target, method) == (grpc.target, "tidegate.ingest.v1.IngestService/Publish")
    request = json.loads(data)
    assert request["topic"] == "customer.orders"
    (event,) = request["events"]
    assert json.loads(base64.b64decode(event["json"])) == json.loads(contract.newest.codec.example())


async def test_the_grpc_api_is_there_for_tools(ask: Ask) -> None:
    answer = await ask("/docs/ingest.proto")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "service IngestService" in answer.text


def test_without_a_grpc_port_no_line_speaks_of_it(deps: RestDeps) -> None:
    contract = deps.intake.catalogue.current.contracts["customer.orders"]
    assert not [one for one in commands(contract, "https://gate") if "grpc" in one.text]


@pytest.mark.parametrize(
    ("base_url", "bound", "target"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8081"),
        ("https://gate.example.com", "0.0.0.0:8081", "gate.example.com:8081"),
        ("https://[2001:db8::1]:8080", "[::]:8081", "[2001:db8::1]:8081"),
    ],
)
def test_the_grpc_port_is_at_the_host_that_links_name(base_url: str, bound: str, target: str) -> None:
    assert GrpcAddress.of(base_url, bound, tls=False, reflection=True).target == target


async def test_the_page_shows_every_command(ask: Ask, deps: RestDeps) -> None:
    text = (await page(ask, "/docs/topics/customer.orders")).text
    for command in commands(deps.intake.catalogue.current.contracts["customer.orders"], "https://gate.example.com"):
        assert command.text in text


async def test_a_versions_changes_are_said_in_words(ask: Ask) -> None:
    text = " ".join((await page(ask, "/docs/topics/customer.orders")).text.split())
    assert "What version 2 changed" in text
    assert "items is new: array, 1 to 50 items, required." in text
    assert "items.coffee is new" not in text  # it came with its parent
    assert "coupon is gone." in text
    assert "The key is orderId, was none." in text
    assert "What version 1 changed" not in text


def test_a_protobuf_key_is_marked_at_its_json_name(deps: RestDeps) -> None:
    contract = deps.intake.catalogue.current.contracts["customer.orders"]
    source = msgspec.structs.replace(contract.newest.source, key="order_id", event_time="items.coffee.boldness")
    renamed = CompiledVersion(contract.topic, source, contract.newest.codec)
    made = topic_page(CompiledContract(contract.source, {2: renamed}), "")
    assert (made.key, made.event_time) == ("orderId", "items.coffee.boldness")
    assert [fact.text for fact in made.facts[:2]] == ["orderId", "items.coffee.boldness"]


async def test_what_this_build_does_not_do_is_said(ask: Ask) -> None:
    for code in ("in_progress", "id_reused"):
        assert "Not in this build: deduplication comes later." in (await page(ask, f"/docs/errors/{code}", None)).text
    assert "removes no duplicates" in (await page(ask, "/docs/errors/outcome_unknown", None)).text
    assert "this build" not in (await page(ask, "/docs/errors/malformed", None)).text.lower()
    assert (await page(ask, "/docs")).text.count("Not in this build") == 2


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/topics", "/docs/errors"])
async def test_what_lies_near_leads_to_the_index(ask: Ask, path: str) -> None:
    answer = await ask(path, **HTML)
    assert answer.status_code == 307
    assert httpx2.URL("http://gate").join(path).join(answer.headers["location"]).path == "/docs"


async def test_the_front_is_nothing_to_a_program(ask: Ask) -> None:
    answer = await ask("/", Accept="*/*")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_browser_gets_a_page_for_a_path_that_is_none(ask: Ask) -> None:
    answer = await ask("/docs/topics/a/b", **HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (await ask("/docs/topics/a/b")).json()["code"] == "not_found"


@pytest.mark.parametrize("code", list(Code))
async def test_every_code_has_its_page_open_to_all(ask: Ask, code: Code) -> None:
    found = await page(ask, f"/docs/errors/{code}", None)
    row = ERRORS[code]
    for said in (row.title, code, str(row.http), *map(str, row.http_also), row.grpc):
        assert said in found.text
    assert row.meaning.replace("`", "") in found.text
    assert row.remedy.replace("`", "") in found.text


async def test_a_code_that_is_none(ask: Ask) -> None:
    assert (await ask("/docs/errors/no_such")).json()["code"] == "not_found"
    answer = await ask("/docs/errors/no_such", **HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rate_limitd", "did you mean &#34;rate_limited&#34;?"),
        ("<b>", "&#34;&lt;b&gt;&#34;"),
        ("zzz", "all of them are at /docs#errors"),
    ],
)
async def test_a_code_that_is_none_is_told_what_there_is(ask: Ask, name: str, says: str) -> None:
    text = (await ask(f"/docs/errors/{name}", **HTML)).text
    assert says in text
    assert "There is no error code" in text
    assert 'href="../../docs"' in text


def test_a_detail_that_begins_with_a_name_keeps_it() -> None:
    assert sentence("the token may not") == "The token may not"
    assert sentence("customer.orders has no version 9") == "customer.orders has no version 9"
    assert sentence("") == ""


async def test_the_index_shows_what_the_token_covers(ask: Ask, ask_public: Ask) -> None:
    assert "docs/topics/customer.orders" in (await page(ask, "/docs", "orders")).links
    assert "docs/topics/stock.levels" not in (await page(ask, "/docs", "orders")).links
    assert "There are none" in (await page(ask, "/docs", "nothing")).text
    assert "docs/topics/stock.levels" in (await page(ask_public, "/docs", None)).links


@pytest.mark.parametrize("path", ["/docs", "/docs/topics/customer.orders"])
@pytest.mark.parametrize("basic", [True, False])
async def test_a_token_may_be_a_basic_password(ask: Ask, path: str, basic: bool) -> None:
    assert (await ask(path, "orders", basic=basic)).status_code == 200
    assert (await ask(path, "bad", basic=basic)).status_code == 401


@pytest.mark.parametrize(
    "credentials", ["Basic", "Basic !", "Basic cmVhZGVy", "Basic 4p=", "Basic w6k6w6k=", "Digest x"]
)
async def test_credentials_that_are_none(ask: Ask, credentials: str) -> None:
    assert (await ask("/docs", Authorization=credentials)).status_code == 401


async def test_a_browser_is_asked_for_its_token(ask: Ask) -> None:
    answer = await ask("/docs/topics/customer.orders", **HTML)
    assert answer.status_code == 401
    challenges = answer.headers.get_list("www-authenticate")
    assert [challenge.split(" ")[0] for challenge in challenges] == ["Bearer", "Basic"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "give your token as the password" in Page(answer.text).text
    assert "customer.orders" not in answer.text


async def test_a_program_gets_the_problem(ask: Ask) -> None:
    answer = await ask("/docs/topics/customer.orders", Accept="*/*")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_a_page_that_is_not_covered_looks_the_same_whether_it_exists(ask: Ask) -> None:
    there = await ask("/docs/topics/customer.orders", "other", **HTML)
    not_there = await ask("/docs/topics/no.such", "other", **HTML)
    assert there.status_code == not_there.status_code == 403
    assert there.text.replace("customer.orders", "no.such") == not_there.text


async def test_a_topic_that_is_none(ask: Ask) -> None:
    answer = await ask("/docs/topics/customer.nothing", "reader", **HTML)
    assert answer.status_code == 404
    assert "/docs/errors/unknown_topic" in answer.text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("<b> `<i>`", "&lt;b&gt; <code>&lt;i&gt;</code>"),
        ("", ""),
    ],
)
def test_backticks_become_code(text: str, html: str) -> None:
    assert with_code(text) == html


def test_a_long_name_may_break_after_its_dots() -> None:
    assert breakable("a.b_c<") == "a.<wbr>b_<wbr>c&lt;"
