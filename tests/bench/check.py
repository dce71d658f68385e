"""`tidegate check` on a thousand contracts with five versions each, and on one: seconds, CPU, memory of the command as it is run.

`python -m tests.bench.check [--contracts 1000] [--versions 5]`; prints one line a figure. A third of the contracts is Protobuf, with
protovalidate rules. Nothing is wrong with any, so that everything is compared to the end.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from tidegate.contracts.fingerprint import fingerprint, schema_hash
from tidegate.contracts.source import VersionSource
from tidegate.repository.broken import Place, Problems
from tidegate.repository.lock import HEADER
from tidegate.repository.proto_files import ProtoFiles
from tidegate.repository.released import released_files

ROUNDS = 3
FIELDS = 20
CONTRACT = """\
team: {{name: shop}}
support: [{{channel: "#shop"}}]
schema:
  - physicalName: {topic}
    authoritativeDefinitions: [{{type: {kind}, url: "{url}"}}]
    customProperties:
      - {{property: key, value: f0}}
      - {{property: compatibility, value: {level}}}
"""


def avro_text(number: int, version: int) -> str:
    """A record of 20 fields, and one more for each version after the first."""
    kinds = ("string", ["null", "int"], {"type": "long", "logicalType": "timestamp-millis"})
    fields = [{"name": f"f{n}", "type": kinds[n % 3], "doc": f"Field {n}."} for n in range(FIELDS)]
    for field in fields[::3]:
        field["maxLength"] = 100
    fields += [
        {"name": f"g{n}", "type": ["null", "string"], "default": None, "doc": "Added later."}
        for n in range(version - 1)
    ]
    record = {"type": "record", "name": "Thing", "namespace": f"shop.t{number:04}", "doc": "A thing.", "fields": fields}
    return json.dumps(record, indent=2) + "\n"


def proto_text(number: int, version: int) -> str:
    """The same for Protobuf."""
    head = f'syntax = "proto3";\npackage shop.t{number:04}.v1;\nimport "buf/validate/validate.proto";\n'
    rule = " [(buf.validate.field).string.max_len = 100]"
    rows = [
        f"  {'string' if n % 2 == 0 else 'int32'} f{n} = {n + 1}{rule if n % 2 == 0 else ''};" for n in range(FIELDS)
    ]
    rows += [f"  string g{n} = {FIELDS + n + 1};" for n in range(version - 1)]
    return head + "message Thing {\n" + "\n".join(rows) + "\n}\n"


def generate(folder: Path, contracts: int, versions: int) -> None:
    """The schemas folder, every version released; the working copies are the newest."""
    for name in ("contracts", "avro", "released"):
        (folder / name).mkdir(parents=True)
    protobuf = [number for number in range(contracts) if number % 3 == 2]
    lines: list[str] = []
    rows: dict[int, list[VersionSource]] = {number: [] for number in range(contracts)}
    for version in range(1, versions + 1):
        for number in protobuf:
            path = folder / f"proto/shop/t{number:04}/v1/thing.proto"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(proto_text(number, version))
        files = ProtoFiles(folder)
        files.prepare(f"proto/shop/t{number:04}/v1/thing.proto" for number in protobuf)
        for number in range(contracts):
            rows[number].append(_source(files, number, version, is_protobuf=number in protobuf))
    schema_id = 0
    for number, sources in rows.items():
        topic = f"shop.topic{number:04}"
        kind = sources[0].format
        url = (
            f"avro/t{number:04}.avsc"
            if kind == "avro"
            else f"proto/shop/t{number:04}/v1/thing.proto#{sources[0].message}"
        )
        level = "FULL_TRANSITIVE" if kind == "avro" else "WIRE_JSON"
        text = CONTRACT.format(topic=topic, kind=kind, url=url, level=level)
        (folder / f"contracts/{topic}.yaml").write_text(text)
        if kind == "avro":
            (folder / f"avro/t{number:04}.avsc").write_text(sources[-1].schema)
        for source in sources:
            schema_id += 1
            target = folder / f"released/{topic}/{source.number}"
            target.mkdir(parents=True)
            for name, content in released_files(source).items():
                (target / name).write_bytes(content)
            lines.append(f"{schema_id} {topic} {source.number} {schema_hash(source)} {source.fingerprint}\n")
    (folder / "released.lock").write_text(HEADER + "".join(lines))


def _source(files: ProtoFiles, number: int, version: int, *, is_protobuf: bool) -> VersionSource:
    if is_protobuf:
        name, message = f"proto/shop/t{number:04}/v1/thing.proto", f"shop.t{number:04}.v1.Thing"
        made = files.read(name, message, Place(file=name), Problems(name))
        source = VersionSource(
            number=version, schema_id=1, format="protobuf", schema=made.text, descriptors=made.descriptors,
            message=message, message_index=made.message_index, key="f0",
        )  # fmt: skip
    else:
        source = VersionSource(number=version, schema_id=1, format="avro", schema=avro_text(number, version), key="f0")
    return msgspec.structs.replace(source, fingerprint=fingerprint(source))


def measured(folder: Path, *topics: str) -> tuple[float, float]:
    """The best wall time of three runs of the command, and the CPU of that run with its children, in seconds."""
    command = [sys.executable, "-m", "tidegate.cli.main", "check", "--contracts", str(folder), *topics]
    best = (float("inf"), 0.0)
    for _ in range(ROUNDS):
        before, began = os.times(), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took, after = time.perf_counter() - began, os.times()
        if done.returncode:
            raise SystemExit(done.stdout[:2000] + done.stderr)
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        best = min(best, (took, cpu))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        many, one = Path(scratch, "many"), Path(scratch, "one")
        generate(many, options.contracts, options.versions)
        generate(one, 1, options.versions)
        took, cpu = measured(one)
        print(f"one contract, {options.versions} versions: {took:.2f} s, {cpu:.2f} s CPU")
        took, cpu = measured(many)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{options.contracts} contracts, {options.versions} versions each: {took:.1f} s, {cpu:.1f} s CPU")
        print(f"the largest process: {peak:.0f} MB (two judge at once)")
        took, cpu = measured(many, "shop.topic0000")
        print(f"one of {options.contracts} contracts: {took:.2f} s, {cpu:.2f} s CPU")


if __name__ == "__main__":
    main()
