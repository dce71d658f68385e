"""h2spec, the conformance tests of HTTP/2 and HPACK, on the gRPC port's HTTP/2: built from its pinned module where Go is.

It asks for GET /, and some of its cases want a request that is read to its end and an answer that has a body: no gRPC call is that. So all
of it, without an exception, meets the port with an owner of streams that answers so; and a running gateway too, where the cases that its
own answer (405, at once and without a body) forestalls are named. No case of RFC 7540 had to be left out for RFC 9113.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.e2e.clients.toolchains import built_in_time, fetched, needs
from tests.e2e.processes import gateway_process

from tidegate_gateway.edge.grpc.heads import ANSWER_HEAD, END_OK
from tidegate_gateway.edge.http2.port import Http2Port, PortBounds
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport
from tidegate_gateway.servers import bind

MODULE = Path(__file__).parent / "clients" / "h2spec"
COMMAND = "github.com/summerwind/h2spec/cmd/h2spec"
BUILD_S = 90.0
RUN_S = 50.0
ALL_CASES = 146
BOUNDS = PortBounds(
    most_connections=64,
    most_streams=16,
    most_head_bytes=16_384,
    deadlines=Deadlines(
        hello_s=10.0, idle_s=300.0, keepalive_s=60.0, keepalive_timeout_s=20.0, age_s=1_800.0, grace_s=300.0
    ),
)
WANTS_A_BODY = {
    "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
    "Sends a PRIORITY frame on half-closed (remote) stream",
    "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
}
"""And four that h2spec itself skips."""
WANTS_AN_OPEN_REQUEST = {
    "Sends a DATA frame with invalid pad length",
    "Sends a HEADERS frame that contains a pseudo-header field as trailers",
    "Sends a second HEADERS frame without the END_STREAM flag",
    "Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream",
    "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
    'Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
    'Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length',
    "closed: Sends a DATA frame after sending RST_STREAM frame",
    "closed: Sends a HEADERS frame after sending RST_STREAM frame",
}
"""Whether the answer or the wrong frame is first is the network's to say; what comes behind an answer is ignored (RFC 9113, section 5.1)."""


@pytest.fixture(scope="module")
def h2spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program: an installed one, or one that is built now."""
    installed = shutil.which("h2spec")
    if installed is not None:
        return installed
    go = needs("go")
    folder = tmp_path_factory.mktemp("h2spec")
    shutil.copytree(MODULE, folder, dirs_exist_ok=True)
    fetched([go, "mod", "download"], folder, "h2spec's module")
    built_in_time([go, "build", "-trimpath", "-o", f"{folder}/bin/h2spec", COMMAND], folder, BUILD_S)
    return f"{folder}/bin/h2spec"


def failures(h2spec: str, address: str, report: Path) -> tuple[set[str], int, int]:
    """The cases that failed, how many were skipped, and how many there are."""
    host, _, port = address.rpartition(":")
    command = [h2spec, "--strict", "--timeout", "2", "--host", host, "--port", port, "--junit-report", str(report)]
    subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 -- written by the tool that was just run
    failed = {
        case.attrib["classname"] for case in cases if case.find("error") is not None or case.find("failure") is not None
    }
    return failed, sum(case.find("skipped") is not None for case in cases), len(cases)


async def test_every_case_on_the_port_by_itself(h2spec: str, tmp_path: Path) -> None:
    listener = bind("127.0.0.1", 0)
    port = Http2Port(listener, BOUNDS, answered_at_its_end)
    host, number = listener.getsockname()[:2]
    await port.start()
    try:
        failed, skipped, cases = await asyncio.to_thread(failures, h2spec, f"{host}:{number}", tmp_path / "report.xml")
    finally:
        await port.stop(0.0)
    assert failed == set()
    assert (skipped, cases) == (0, ALL_CASES)


def answered_at_its_end(transport: Http2Transport, stream: Stream) -> None:
    """Answer a request with a body once all of it is there."""

    def look() -> None:
        if stream.ended and stream.gone is None and not stream.answered:
            transport.connection.send_head(stream, ANSWER_HEAD)
            transport.connection.send_data(stream, b"what h2spec counts the bytes of")
            transport.connection.send_end(stream, END_OK)
            transport.flush()

    stream.wake = look
    look()


def test_every_case_on_a_running_gateway(h2spec: str, tmp_path: Path) -> None:
    with gateway_process(tmp_path, None) as gateway:
        failed, skipped, cases = failures(h2spec, gateway.grpc, tmp_path / "report.xml")
    assert failed - WANTS_A_BODY - WANTS_AN_OPEN_REQUEST == set()
    assert skipped <= 4
    assert cases == ALL_CASES
