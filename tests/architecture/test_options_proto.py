"""tidegate/options/v1: one text in the schemas folder and in the SDK, generated code that is fresh, numbers that stay."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "tidegate/options/v1/options.proto"


@pytest.mark.parametrize("name", [NAME, "tidegate/ingest/v1/ingest.proto"])
def test_the_sdk_ships_the_text_of_the_schemas_folder(name: str) -> None:
    """Contract repositories import the SDK's; buf reads the folder's."""
    assert (ROOT / "sdk" / name).read_bytes() == (ROOT / "schemas" / "proto" / name).read_bytes()


def test_the_generated_code_is_what_protoc_makes_of_it(tmp_path: Path) -> None:
    protoc = [sys.executable, "-P", "-m", "grpc_tools.protoc", f"-I{ROOT / 'sdk'}"]
    made = [*protoc, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", NAME]
    subprocess.run(made, check=True, timeout=60)
    for suffix in ("_pb2.py", "_pb2.pyi"):
        name = NAME.replace(".proto", suffix)
        assert (tmp_path / name).read_text() == (ROOT / "sdk" / name).read_text(), "run protoc again"


def test_names_and_numbers_are_fixed() -> None:
    """Contract repositories outside import them: a change here breaks their services."""
    from tidegate.options.v1 import options_pb2 as options

    assert (options.publish.full_name, options.publish.number) == ("tidegate.options.v1.publish", 51730)
    assert (options.receipt.full_name, options.receipt.number) == ("tidegate.options.v1.receipt", 51731)
    assert options.PublishOptions.DESCRIPTOR.fields_by_name["topic"].number == 1
    names = ["UNSPECIFIED", "STATUS", "MESSAGE", "ID", "TOPIC", "PARTITION", "OFFSET"]
    assert options.Receipt.items() == [(f"RECEIPT_{name}", number) for number, name in enumerate(names)]
