"""The files of a new contracts repository, by name. Called by `init`. Texts only; each stands in the folder as it stands here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["FILES"]

_README = """\
# Contracts

The schemas of our events, as code. Tidegate refuses what does not satisfy them; consumers read what was released.

    schemas/contracts/<topic>.yaml   one contract a topic: owner, key, rights, limits, compatibility
    schemas/avro/  schemas/proto/    the schemas, edited in place
    schemas/released/                frozen versions with their golden records: never edited
    schemas/released.lock            schema ids: only ever appended to

## Change a contract

    pip install 'tidegate[cli,protobuf,cel]' pytest
    tidegate check --against origin/main     # what the change breaks, and whom; CI runs the same
    tidegate diff shop.orders 1 work         # what changed, in words (once there is a version 1)
    tidegate release shop.orders             # freezes the next version; commit schemas/ whole
    pytest schemas                           # golden records: every version read by every later one

`pre-commit install` has the hooks run before each commit.

## Use it

    tidegate codegen --out models                      # typed Python models and clients
    tidegate codegen --package our-events              # the same as a wheel
    buf generate                                       # other languages, for Protobuf contracts (buf.gen.yaml)
    tidegate-gateway dev --contracts schemas           # a gateway with these contracts, on this machine
"""

_WORKFLOW = """\
name: contracts
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  contracts:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0            # check compares with main, and buf with history
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install 'tidegate[cli,protobuf,cel]' pytest
      - name: Check what this change breaks
        run: tidegate check --against origin/main --format github
      - name: Golden records
        run: pytest schemas || [ $? -eq 5 ]   # 5: nothing is released yet
"""

_PRE_COMMIT = """\
repos:
  - repo: local
    hooks:
      - id: tidegate-check
        name: tidegate check (Avro, Protobuf, contracts)
        entry: tidegate check
        language: python
        additional_dependencies: ["tidegate[cli,protobuf,cel]"]
        files: ^schemas/
        pass_filenames: false
      - id: avro-json
        name: .avsc files are JSON
        entry: python -c "import json, sys; [json.load(open(name, encoding='utf-8')) for name in sys.argv[1:]]"
        language: python
        files: \\.avsc$
      - id: buf-format
        name: buf format (Protobuf)
        entry: buf format --write --exit-code
        language: python
        additional_dependencies: ["buf-bin>=1.60"]
        files: \\.proto$
        pass_filenames: false
"""

_BUF = """\
# With a network, `buf lint`, `buf breaking` and `buf generate` work as people know them. `tidegate check` needs none.
version: v2
modules:
  - path: schemas/proto
deps:
  - buf.build/bufbuild/protovalidate
lint:
  use:
    - STANDARD
breaking:
  use:
    - WIRE_JSON   # producers send JSON: neither numbers nor names may change
"""

_BUF_GEN = """\
# `buf generate`: Protobuf contracts in other languages. Python's models come from `tidegate codegen`.
version: v2
plugins:
  - remote: buf.build/protocolbuffers/java
    out: gen/java
  - remote: buf.build/protocolbuffers/go
    out: gen/go
    opt: paths=source_relative
  - remote: buf.build/bufbuild/es
    out: gen/es
    opt: target=ts
inputs:
  - directory: .
"""

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:example:shop.orders
name: Shop orders
version: 1.0.0                      # of the promise, for people; schema versions are counted in released/
status: active
domain: shop
description: {purpose: "One order that a customer placed."}
team: {name: shop-team}
support: [{channel: "#shop-data", tool: slack, url: "https://chat.example.com/shop-data"}]
roles: [{role: shop-producer, access: write}]
schema:
  - name: Order
    physicalName: shop.orders       # the topic
    physicalType: topic
    authoritativeDefinitions:       # relative to schemas/
      - {type: avro, url: avro/shop/order.avsc}
    customProperties:
      - {property: key, value: orderId}
      - {property: eventTime, value: placedAt}
      - {property: compatibility, value: FULL_TRANSITIVE}
"""

_SCHEMA = """\
{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "doc": "One order that a customer placed.",
  "fields": [
    {"name": "orderId", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Id of the order, and key of its events."},
    {"name": "placedAt", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When the customer pressed the button."},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}, "minimum": 0, "example": "31.40", "doc": "What the customer pays, taxes included."},
    {"name": "note", "type": ["null", "string"], "default": null, "doc": "What the customer wrote."}
  ]
}
"""

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "README.md": _README,
        ".github/workflows/contracts.yml": _WORKFLOW,
        ".pre-commit-config.yaml": _PRE_COMMIT,
        ".gitignore": "__pycache__/\n.pytest_cache/\ndist/\n",
        "buf.yaml": _BUF,
        "buf.gen.yaml": _BUF_GEN,
        "schemas/contracts/shop.orders.yaml": _CONTRACT,
        "schemas/avro/shop/order.avsc": _SCHEMA,
        "schemas/proto/.gitkeep": "",
    }
)
"""Every file by its path in the new repository."""
