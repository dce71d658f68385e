"""`tidegate publish`, `validate`, `topics`, `doctor`, `spool`, `completion`, against a gateway on a loopback port."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.cli.conftest import ROOT, TOPIC, Gateway
from tests.sdk.delivery.conftest import outgoing

from tidegate.cli.main import main
from tidegate.cli.progress import ProgressLine, line_of
from tidegate.cli.spool import look
from tidegate.shell.spool_file import SpoolFolder

Order = dict[str, Any]
STATUS = "customer.order-status"


def ndjson(path: Path, values: list[object]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_publish_stores_a_file_and_a_second_run_skips_it(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ndjson(tmp_path / "orders.ndjson", [order, {**order, "nonsense": 1}, order])
    assert main(["publish", TOPIC, str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == "2 stored, 1 not\n"
    assert "orders.ndjson:2: customer.orders" in said.err
    assert "#/nonsense" in said.err
    assert len(gateway.stored) == 2
    ndjson(file, [order, order, order])  # mended
    assert main(["publish", TOPIC, str(file)]) == 0
    assert capsys.readouterr().out == "1 stored, 0 not, 2 skipped (stored by an earlier run)\n"
    assert len({event["id"] for event in gateway.stored}) == 3


def test_publish_that_was_cut_off_goes_on_where_it_was(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ndjson(tmp_path / "orders.ndjson", [order] * 1200)
    gateway.broken_after = 400
    assert main(["publish", TOPIC, str(file), "--json"]) == 1
    first = json.loads(capsys.readouterr().out)
    assert 0 < first["stored"] < 1200
    assert len(first["troubles"]) == 20
    gateway.broken_after = None
    assert main(["publish", TOPIC, str(file), "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["skipped"] == first["stored"]
    assert len({event["id"] for event in gateway.stored}) == len(gateway.stored) == 1200


def test_publish_stops_where_the_gateway_is_away(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.cli.publish.DEADLINE_S", 0.2)
    file = ndjson(tmp_path / "orders.ndjson", [order] * 2000)
    assert main(["publish", TOPIC, str(file), "--url", "http://127.0.0.1:9"]) == 1
    said = capsys.readouterr()
    assert "run this again" in said.err
    assert said.out.startswith("0 stored")


def test_publish_from_stdin_as_events(
    gateway: Gateway, order: Order, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps({"id": "e-1", "value": order, "headers": {"origin": "till"}}).encode() + b"\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert main(["publish", TOPIC, "--events"]) == 0
    assert capsys.readouterr().out == "1 stored, 0 not\n"
    assert (gateway.stored[0]["id"], gateway.stored[0]["headers"]) == ("e-1", {"origin": "till"})


def flat(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {
            name: cell
            for key, inner in value.items()
            for name, cell in flat(inner, f"{path}.{key}" if path else key).items()
        }
    return {path: value if isinstance(value, str) else json.dumps(value)}


def test_publish_csv_takes_its_types_from_the_contract(gateway: Gateway, order: Order, tmp_path: Path) -> None:
    import csv

    order = {name: value for name, value in order.items() if value not in (None, {})}  # an empty cell is left out
    cells = flat(order)
    assert any(not isinstance(value, str) for value in order.values()), "or this would show nothing"
    with (tmp_path / "orders.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(cells)
        writer.writerow(cells.values())
    assert main(["publish", TOPIC, str(tmp_path / "orders.csv")]) == 0
    assert gateway.stored[0]["value"] == order


def test_what_cannot_run_says_why(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", TOPIC, str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
    (tmp_path / "a.csv").write_text("")
    assert main(["publish", TOPIC, str(tmp_path / "a.csv")]) == 2
    (tmp_path / "b.ndjson").write_text("")
    (tmp_path / "diary").write_text("dear diary\n")
    assert main(["publish", TOPIC, str(tmp_path / "b.ndjson"), "--journal", str(tmp_path / "diary")]) == 2
    assert "journal of another" in capsys.readouterr().err
    assert (tmp_path / "diary").read_text() == "dear diary\n"
    assert (
        main(["publish", "no topic", str(ndjson(tmp_path / "c.ndjson", [{}])), "--journal", str(tmp_path / "j")]) == 2
    )
    monkeypatch.delenv("TIDEGATE_URL")
    assert main(["publish", TOPIC, str(tmp_path / "b.ndjson")]) == 2
    assert "TIDEGATE_URL" in capsys.readouterr().err


def test_a_journal_that_a_crash_cut_off_is_read_up_to_there(gateway: Gateway, order: Order, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "orders.ndjson", [order, order])
    assert main(["publish", TOPIC, str(file)]) == 0
    journal = tmp_path / f"orders.ndjson.{TOPIC}.journal"
    journal.write_bytes(journal.read_bytes()[:-10])
    assert main(["publish", TOPIC, str(file)]) == 0
    assert len(gateway.stored) == 3
    assert len({event["id"] for event in gateway.stored}) == 2, "sent once more with the id that it had"
    assert main(["publish", TOPIC, str(file)]) == 0
    assert len(gateway.stored) == 3


def test_validate_by_a_schemas_folder_and_by_what_topics_kept(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ndjson(tmp_path / "orders.ndjson", [order, {**order, "nonsense": 1}])
    assert main(["validate", TOPIC, str(file)]) == 2
    assert "tidegate topics" in capsys.readouterr().err
    assert main(["topics"]) == 0
    monkeypatch.setattr("tidegate.transport.http.HttpTransport", None)
    capsys.readouterr()
    assert main(["validate", TOPIC, str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == "1 valid, 1 not\n"
    assert "orders.ndjson:2" in said.err
    assert main(["validate", TOPIC, str(file), "--contracts", str(ROOT / "schemas"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["valid"] == 1
    capsys.readouterr()
    assert main(["validate", "customer.order", str(file), "--contracts", str(ROOT / "schemas")]) == 2
    assert 'there is no contract "customer.order"; did you mean "customer.orders"?' in capsys.readouterr().err
    assert gateway.stored == []


def test_topics_lists(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(TOPIC) and "till" in line for line in lines)
    assert main(["topics", "--json"]) == 0
    assert TOPIC in {row["topic"] for row in json.loads(capsys.readouterr().out)}
    assert main(["topics", "--url", "http://127.0.0.1:9"]) == 2
    assert "was not reached" in capsys.readouterr().err
    assert main(["topics", "--url", "grpc://127.0.0.1:9"]) == 2


def doctored(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--json", *arguments])
    return code, {row["what"]: row for row in json.loads(capsys.readouterr().out)}


def test_doctor_finds_all_well(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = doctored(capsys)
    assert code == 0
    assert {found[what]["health"] for what in ("gateway", "clock", "token", "topics")} == {"ok"}
    assert TOPIC in found["topics"]["said"]
    assert main(["doctor"]) == 0
    assert "ok gateway" in capsys.readouterr().out


def test_doctor_names_what_is_wrong(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.clock_s = time.time() - 600
    code, found = doctored(capsys)
    assert (code, found["clock"]["health"]) == (1, "wrong")
    assert "ahead of" in found["clock"]["said"]
    gateway.clock_s = None
    gateway.may = set()
    code, found = doctored(capsys)
    assert (code, found["topics"]["health"]) == (1, "wrong")
    (tmp_path / "token").write_text("expired\n")
    code, found = doctored(capsys, "--token-file", str(tmp_path / "token"))
    assert (code, found["token"]["health"]) == (1, "wrong")
    code, found = doctored(capsys, "--url", "http://127.0.0.1:9")
    assert (code, found["gateway"]["health"]) == (1, "wrong")
    monkeypatch.delenv("TIDEGATE_TOKEN")
    code, found = doctored(capsys)
    assert (code, found["token"]["health"]) == (0, "note")
    assert main(["doctor", "--url", "ftp://x"]) == 2


def spooled(folder: Path, order: Order, count: int) -> None:
    spool = SpoolFolder(path=folder)()
    spool.depths(4)
    events = [outgoing(f"e-{number}", topic=TOPIC) for number in range(count)]
    for event in events:
        event.body = json.dumps(order).encode()
    spool.append(events, 0, front=False)
    spool.close()


def test_spool_tells_and_drains(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "spool"
    assert main(["spool", str(folder)]) == 2
    folder.mkdir()
    assert main(["spool", str(folder)]) == 0
    assert "holds no spool" in capsys.readouterr().out
    spooled(folder, order, 30)
    assert main(["spool", str(folder)]) == 0
    assert f"30 of {TOPIC} waiting" in capsys.readouterr().out
    _, found = doctored(capsys, "--spool", str(folder))
    assert "30 events wait" in found["spool"]["said"]
    assert main(["spool", str(folder), "--drain"]) == 0
    assert "30 delivered, 0 refused" in capsys.readouterr().out
    assert [event["id"] for event in gateway.stored] == [f"e-{number}" for number in range(30)]
    assert main(["spool", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["topics"] == {}


def test_spool_tells_of_refused_events_and_broken_files(
    gateway: Gateway, order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spooled(tmp_path, {**order, "nonsense": 1}, 2)
    assert main(["spool", str(tmp_path), "--drain"]) == 1
    assert "2 refused" in capsys.readouterr().out
    (tmp_path / "spool-07.sqlite").write_bytes(b"no database" * 500)
    assert main(["spool", str(tmp_path)]) == 1
    assert "damaged" in capsys.readouterr().out


def test_a_spool_in_use_is_left_alone(gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = (
        "import sys\nfrom pathlib import Path\nfrom tidegate.shell.spool_file import SpoolFolder\n"
        "spool = SpoolFolder(path=Path(sys.argv[1]))()\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert [row.in_use for row in look(tmp_path)] == [True]
        assert main(["spool", str(tmp_path), "--drain"]) == 0
        assert "in use" in capsys.readouterr().out
        process.communicate(timeout=20)
    assert [row.in_use for row in look(tmp_path)] == [False]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command_and_its_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("publish", "validate", "topics", "spool", "doctor", "simulate", "check", "release"):
        assert word in script
    assert "token-file" in script
    if shell == "bash":
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{script}\nCOMP_WORDS=(tidegate publish --to) COMP_CWORD=2; _tidegate; echo ${{COMPREPLY[@]}}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "--token-file"


def test_progress_is_a_bar_where_the_end_is_known_and_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert line_of("t", 50, 100, "x") == f"t [{'#' * 15}{'.' * 15}]  50% x"
    assert line_of("t", 1500, None, "") == "t 1,500"
    with ProgressLine("t", 10) as line:
        line.at(5)
    assert capsys.readouterr().err == ""
    with ProgressLine("t", 10, shown=True) as line:
        line.at(5)
    assert "50%" in capsys.readouterr().err
