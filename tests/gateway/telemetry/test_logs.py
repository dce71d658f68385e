"""Log lines: one line each whatever a field holds, named fields only, no stack and no text of an exception."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.telemetry.logs import HumanFormatter, JsonFormatter, configure_logs

EVIL = "a\r\nb\x1b[31mred\x00\u2028\x85\ud800"


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("tidegate.test", logging.INFO, "f.py", 1, "%s", (message,), None)
    made.created = 1_700_000_000.5
    made.__dict__.update(extra)
    return made


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False


def test_a_line_has_time_level_message_and_named_fields() -> None:
    line = JsonFormatter().format(record("events not stored", request_id="r1", topic="t", rejected=2, codes={"a": 1}))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "info",
        "logger": "tidegate.test",
        "message": "events not stored",
        "request_id": "r1",
        "topic": "t",
        "rejected": 2,
        "codes": {"a": 1},
    }


def test_a_field_that_is_not_named_is_not_written() -> None:
    line = JsonFormatter().format(record("m", payload="secret-payload", token="secret-token"))
    assert "secret" not in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), HumanFormatter()], ids=["json", "human"])
def test_control_characters_leave_one_printable_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record(EVIL, topic=EVIL, codes={EVIL: EVIL}, reason=EVIL))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


@given(st.text(), st.text())
@settings(max_examples=150)
def test_any_text_gives_one_valid_json_line(message: str, field: str) -> None:
    line = JsonFormatter().format(record(message, topic=field))
    assert line.isascii()
    assert len(line.splitlines()) == 1
    entry = json.loads(line)
    assert entry["message"] == (message if len(message) <= 500 else message[:500] + "…")
    assert entry["topic"] == (field if len(field) <= 500 else field[:500] + "…")


def test_a_long_text_is_cut() -> None:
    assert len(JsonFormatter().format(record("x" * 100_000, reason="y" * 100_000))) < 2000


@pytest.mark.parametrize("formatter", [JsonFormatter(), HumanFormatter()], ids=["json", "human"])
def test_an_exception_is_its_class_and_its_place(formatter: logging.Formatter) -> None:
    made = record("it broke")
    known: dict[str, int] = {}
    try:
        known["payload-of-a-stranger"]
    except KeyError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    line = formatter.format(made)
    assert "payload-of-a-stranger" not in line
    assert "Traceback" not in line
    assert "KeyError in" in line
    assert "test_logs.py:" in line


def test_the_servers_own_lines_take_the_same_form(restored_logging: None) -> None:
    stream = io.StringIO()
    configure_logs("json", stream)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.\r\nX: y")
    logging.getLogger("uvicorn.access").info("GET /secret")
    logging.getLogger("aiokafka.conn").info("chatter")
    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["logger"] for line in lines] == ["uvicorn.error"]


def test_human_lines_are_chosen_by_form(restored_logging: None) -> None:
    stream = io.StringIO()
    configure_logs("human", stream)
    logging.getLogger("tidegate").warning("kafka is away", extra={"topic": "customer.orders"})
    assert stream.getvalue().endswith("warning kafka is away topic=customer.orders\n")
