"""`POST /topics/{topic}` as a Kafka REST proxy takes it, through the same intake as every event. Called by the REST application.

A schema that the request names must be one of the contract's versions: which one decides how the records are judged.
"""

from functools import partial
from urllib.parse import unquote_to_bytes

from tidegate.contracts.avro.compatibility import incompatibilities
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.verdict import MAX_VIOLATIONS, Violation
from tidegate.errors import Code
from tidegate_gateway.doors.heads import read_head
from tidegate_gateway.doors.rates import rate_fields
from tidegate_gateway.doors.registry.entries import AVRO, PROTOBUF, derived_id
from tidegate_gateway.doors.registry.errors import NotServed
from tidegate_gateway.doors.registry.lookup import Asked
from tidegate_gateway.doors.registry.resolving import Resolver
from tidegate_gateway.doors.registry.snapshot import KEY_SCHEMA
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.doors.rest.batch import BYTES_AN_EVENT
from tidegate_gateway.doors.rest.body import Body, Receive
from tidegate_gateway.doors.rest.decompress import check_declared, encoding_of
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.exchange import (
    Exchange,
    Exchanges,
    Scope,
    Send,
    check_length,
    new_exchange,
    other_method,
    traced,
)
from tidegate_gateway.doors.restproxy.answers import INVALID_SCHEMA, MEDIA_TYPE, SchemaRefused, produced, refusal
from tidegate_gateway.doors.restproxy.reading import Embedded, Produce, embedded_of, produce_of, records_of
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import decoded_cost_bytes
from tidegate_gateway.intake.submission import Submission

__all__ = ["RestProxyDoor", "Target", "find_target"]

_PREFIX = b"/topics/"
_TYPES = {"avro": AVRO, "protobuf": PROTOBUF}
_DIGITS = 10
_KEY_SCHEMAS = ("string", "int", "long")

Target = tuple[str, str | None]
"""The topic and the partition that a path names, as it names them."""


def find_target(raw: bytes) -> Target | None:
    """What `/topics/{topic}` or `/topics/{topic}/partitions/{n}` names, each segment decoded once; None for another path."""
    if not raw.startswith(_PREFIX):
        return None
    topic, *rest = (unquote_to_bytes(part).decode("utf-8", "replace") for part in raw[len(_PREFIX) :].split(b"/"))
    match rest:
        case []:
            return topic, None
        case ["partitions", partition]:
            return topic, partition
    return None


class RestProxyDoor:
    """The endpoint of one gateway."""

    __slots__ = ("_answers", "_deps", "_exchanges", "_intake", "_resolver")

    def __init__(self, deps: RestDeps, answers: Answers, resolver: Resolver) -> None:
        self._deps = deps
        self._intake = deps.intake
        self._answers = answers
        self._resolver = resolver
        self._exchanges = Exchanges(deps, partial(refusal, answers))

    async def serve(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it holds. Raises what `send` raises, and cancellation."""
        topic, partition = target
        exchange = new_exchange(scope, Body(receive, self._deps.body_timeout_s), self._deps, topic)
        await self._exchanges.run(exchange, partial(self._answer, partition), send)

    async def _answer(self, named: str | None, exchange: Exchange) -> Answer:
        exchange.head = head = read_head(exchange.scope)
        if exchange.scope["method"] != "POST":
            return other_method(exchange)
        partition = _partition(named)
        embedded = embedded_of(head.content_type)
        encoding = encoding_of(head.content_encoding)
        settings = self._intake.settings
        check_length(head.length, settings.max_batch_bytes, encoding=encoding)
        exchange.principal = await self._intake.authenticate(head.token, head.certificate)
        exchange.request = traced(exchange.request, head)
        exchange.admission = admission = self._intake.admit(
            exchange.request, exchange.principal, exchange.topic, None, head.length or 0
        )
        contract = admission.contract
        stored = contract.newest.source.format
        if embedded.schemas not in {"", stored}:
            raise Fault(
                Code.UNSUPPORTED_MEDIA,
                f"the contract of {contract.topic} is {stored}: {embedded.name} is not its format",
            )
        body = await exchange.body.read(
            encoding=encoding, limit_bytes=settings.max_batch_bytes, reservation=admission.reservation
        )
        check_declared(body)
        admission.reservation.grow_to(
            decoded_cost_bytes(len(body), body.count(b",") + body.count(b"[") + body.count(b"{"))
        )
        produce = produce_of(body)
        exchange.events = len(produce.records)
        admission.reservation.grow_to(admission.reservation.size_bytes + BYTES_AN_EVENT * len(produce.records))
        try:
            version = await self._version(produce, embedded, contract)
        except SchemaRefused as refused:
            return self._schema_refused(refused, exchange)
        number = version.number if version is not None else None
        told = await self._intake.accept(
            admission,
            Submission(
                events=records_of(produce.records, embedded, stored, number or None, partition),
                count=len(produce.records),
                size_bytes=len(body),
            ),
        )
        schemas = bool(embedded.schemas)
        status, code, answer, wait_s = produced(
            self._answers.results(told.lines, admission),
            key_schema_id=derived_id(KEY_SCHEMA) if schemas and _has_key(produce) else None,
            value_schema_id=(version or contract.newest).schema_id if schemas else None,
        )
        fields = [(b"content-type", MEDIA_TYPE.encode("ascii"))]
        fields += [(b"request-id", exchange.request.id.encode("ascii")), *rate_fields(told.quotas)]
        if wait_s is not None and status >= 400:
            fields.append((b"retry-after", b"%d" % wait_s))
        return Answer(status=status, fields=fields, body=answer, code=code)

    async def _version(
        self, produce: Produce, embedded: Embedded, contract: CompiledContract
    ) -> CompiledVersion | None:
        """The version whose schema the request names; None where it names none. Raises `SchemaRefused`."""
        if produce.key_schema is not None and produce.key_schema.strip(' \t\r\n"') not in _KEY_SCHEMAS:
            raise SchemaRefused("the key's schema is none of string, int, long: keys here are text")
        if not embedded.schemas:
            return None
        if produce.value_schema_id is not None:
            found = _by_id(contract, produce.value_schema_id)
            if found is None:
                raise SchemaRefused(
                    f"no version of the contract of {contract.topic} has the schema id {produce.value_schema_id}"
                )
            return found
        if produce.value_schema is None:
            return None
        asked = Asked(schema=produce.value_schema, type=_TYPES[embedded.schemas])
        try:
            entry = await self._resolver.resolve(f"{contract.topic}-value", asked, contract.topic)
        except NotServed as error:
            if error.status == 503:
                raise Fault(Code.OVERLOADED, error.message, retry_after_s=1.0) from None
            raise SchemaRefused(error.message) from None
        found = _by_id(contract, entry.id) if entry is not None else None
        if found is None:
            differences: tuple[Violation, ...] = ()
            if embedded.schemas == "avro":
                differences = await self._resolver.apart(partial(_differences, produce.value_schema, contract.newest))
            raise SchemaRefused(f"the value's schema is none of the contract of {contract.topic}", differences)
        return found

    def _schema_refused(self, refused: SchemaRefused, exchange: Exchange) -> Answer:
        if self._deps.on_refused is not None:
            code = Code.CONTRACT_VIOLATION
            self._deps.on_refused(exchange.topic, exchange.request.door, code, exchange.events)
        fault = Fault(Code.CONTRACT_VIOLATION, refused.message, violations=refused.violations, topic=exchange.topic)
        told = refusal(self._answers, fault, exchange.request.id, None, exchange.request.client)
        body = told.body.replace(b'"error_code":400', b'"error_code":%d' % INVALID_SCHEMA, 1)
        return Answer(status=422, fields=told.fields, body=body, code=told.code)


def _partition(named: str | None) -> int | None:
    if named is None:
        return None
    if not (named.isascii() and named.isdigit() and len(named) < _DIGITS):
        raise Fault(Code.MALFORMED, "the path's partition is no number of one")
    return int(named)


def _by_id(contract: CompiledContract, schema_id: int) -> CompiledVersion | None:
    """Of versions with the same schema text, and so the same id, the newest."""
    found = [version for version in contract.versions.values() if version.schema_id == schema_id]
    return contract.newest if contract.newest in found else found[-1] if found else None


def _has_key(produce: Produce) -> bool:
    return produce.key_schema is not None or produce.key_schema_id is not None


def _differences(schema: str, version: CompiledVersion) -> tuple[Violation, ...]:
    """Why the contract's newest version cannot read what such a schema writes."""
    try:
        found = incompatibilities(parse_schema(version.source.schema), parse_schema(schema))
    except (ContractError, RecursionError):
        return ()
    return tuple(
        Violation(
            pointer=f"#{row.location}",
            rule="type",
            detail=f"{row.type}: {row.message}",
            expected="the contract's schema",
        )
        for row in found[:MAX_VIOLATIONS]
    )
