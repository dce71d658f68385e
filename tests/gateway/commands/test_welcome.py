"""What `dev` prints to copy is fit to be pasted: each command sends the contract's example with the token."""

import base64
import json
import subprocess
from pathlib import Path

from tests.gateway.doors.conftest import EXAMPLE, orders

from tidegate_gateway.app import Bound
from tidegate_gateway.commands.welcome import welcome
from tidegate_gateway.intake.catalogue import BrokenContract, Catalogue

BOUND = Bound(http="127.0.0.1:1", grpc="127.0.0.1:2", admin="127.0.0.1:3", kafka="127.0.0.1:4")
BROKEN = BrokenContract(contract="b", file="contracts/b.yaml", line=3, column=5, detail="is wrong")


def text(*, embedded: bool = True) -> str:
    catalogue = Catalogue(contracts={"customer.orders": orders()}, broken=(BROKEN,))
    return welcome(BOUND, catalogue, "the-token", Path("schemas"), embedded=embedded)


def ran(shell: str) -> str:
    return subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True).stdout


def test_it_names_every_address_and_what_is_broken() -> None:
    said = text()
    for address in (BOUND.http, BOUND.grpc, BOUND.admin, BOUND.kafka):
        assert address in said
    assert "BROKEN: contracts/b.yaml:3:5: is wrong" in said
    assert "IN MEMORY" in said
    assert "IN MEMORY" not in text(embedded=False)


def test_the_curl_line_sends_the_example() -> None:
    block = text().split("# curl\n")[1].split("\n\n")[0]
    words = ran('curl() { printf "%s\\n" "$@"; }\n' + block).splitlines()
    assert words[1] == "http://127.0.0.1:1/v1/topics/customer.orders/events"
    assert "Authorization: Bearer the-token" in words
    assert json.loads(words[-1]) == json.loads(EXAMPLE)


def test_the_grpcurl_line_sends_the_example() -> None:
    block = text().split("# gRPC")[1].split("\n", 1)[1].split("\n\n")[0]
    words = ran('TOKEN=the-token; grpcurl() { printf "%s\\n" "$@"; }\n' + block).splitlines()
    assert words[:4] == ["-plaintext", "-H", "Authorization: Bearer the-token", "-d"]
    request = json.loads(words[4])
    assert request["topic"] == "customer.orders"
    assert json.loads(base64.b64decode(request["events"][0]["json"])) == json.loads(EXAMPLE)
    assert words[5:] == ["127.0.0.1:2", "tidegate.ingest.v1.IngestService/Publish"]


def test_the_python_lines_compile() -> None:
    block = text().split("# Python\n")[1].split("\n\n")[0]
    source = block.split("<<'END'\n")[1].removesuffix("\nEND")
    compile(source, "welcome", "exec")
