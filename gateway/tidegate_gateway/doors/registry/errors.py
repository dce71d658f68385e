"""Why the registry says no, in Confluent's codes: `{"error_code", "message"}` with the HTTP status that stock clients expect.

Source: Confluent Schema Registry API reference, "Errors"; 401 and 5 digits of 50001 as its own server sends them.
"""

__all__ = [
    "NotServed",
    "bad_version",
    "busy",
    "internal",
    "invalid_schema",
    "no_level",
    "no_schema",
    "no_subject",
    "no_version",
    "nothing_here",
    "read_only",
    "unauthenticated",
    "unknown_to_read_only",
]


class NotServed(Exception):
    """One refusal: the HTTP status, the registry's code, a sentence; `allow` are the methods that there are (405)."""

    def __init__(self, status: int, code: int, message: str, *, allow: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.allow = allow


def no_subject(subject: str) -> NotServed:
    """No such subject, or none that the caller may read."""
    return NotServed(404, 40401, f"Subject '{subject}' not found.")


def no_version(version: str) -> NotServed:
    """The subject has no such version."""
    return NotServed(404, 40402, f"Version {version} not found.")


def no_schema(what: str = "") -> NotServed:
    """No schema of that id, guid or content."""
    return NotServed(404, 40403, f"Schema {what} not found" if what else "Schema not found")


def no_level(subject: str) -> NotServed:
    """The contract sets no compatibility of its own."""
    return NotServed(404, 40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def invalid_schema(detail: str) -> NotServed:
    """A body that holds no schema."""
    return NotServed(422, 42201, f"Invalid schema: {detail}")


def bad_version(text: str) -> NotServed:
    """No number of a version."""
    return NotServed(
        422,
        42202,
        f"The specified version '{text}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "
        '"latest"',
    )


def unknown_to_read_only(subject: str) -> NotServed:
    """Registering something new: contracts are released in git."""
    return NotServed(
        422,
        42205,
        f"Subject '{subject}' is read-only, and this schema is none of its versions: contracts are released in git, "
        "with `tidegate release`",
    )


def read_only(allow: str) -> NotServed:
    """A method that would change something."""
    return NotServed(405, 40501, "The registry is read-only: contracts are released in git", allow=allow)


def nothing_here() -> NotServed:
    """A path of no endpoint."""
    return NotServed(404, 404, "HTTP 404 Not Found")


def unauthenticated() -> NotServed:
    """No token that passes; what is wrong with one is never said."""
    return NotServed(401, 40101, "A bearer token is needed, or the token as the password of Basic authentication")


def busy() -> NotServed:
    """Too many others wait for their schemas to be compared."""
    return NotServed(503, 503, "The registry is busy comparing other schemas; try again in a moment")


def internal() -> NotServed:
    """A fault of ours."""
    return NotServed(500, 50001, "Something broke in the gateway; its log holds more")
