"""What goes wrong before the first command of an encrypted connection, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from taskq_core.errors import UsageError

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
_REASON: Final = re.compile(r"certificate verify failed: ([^()]*[^()\s.])")
_WANTED: Final = re.compile(r"(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA)\]")
_IN_THE_CLEAR: Final = re.compile(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE")
_ELSEWHERE: Final = "The certificate is for another host: use the name that stands in it"
_UNKNOWN: Final = "Name the file of the authority that signed it: ?ssl_ca_certs=/path/ca.pem"


def check_files(url: str) -> None:
    """Returns when the files of certificates that a URL names are there. Raises: UsageError."""
    for name, path in parse_qsl(urlsplit(url).query):
        if name in _FILES and not Path(path).is_file():
            raise UsageError(f"{name} of the server URL names no file", hint=f"It says {path[:200]}")


def refusal(said: str) -> tuple[str, str] | None:
    """What a failed handshake means, and what to do; None when it was none, or may succeed the next time."""
    if _UNTRUSTED in said:
        found = _REASON.search(said)
        reason = found[1] if found else "it cannot be verified"
        if "mismatch" in reason or "is not valid for" in reason:
            return f"its certificate is not accepted: {reason}", _ELSEWHERE
        if "expired" in reason or "not yet valid" in reason:
            return f"its certificate is not accepted: {reason}", "Renew it, or set the clocks"
        return f"its certificate is not accepted: {reason}", _UNKNOWN
    if _WANTED.search(said):
        return (
            "it wants a certificate of yours that it accepts",
            "Add ?ssl_certfile=/path/client.pem&ssl_keyfile=/path/client.key to the URL",
        )
    if _IN_THE_CLEAR.search(said):
        return "it does not speak TLS on this port", "redis:// instead of rediss://, or its tls-port"
    return None


def advice(url: str) -> str:
    """What may be wrong with a URL whose server closes the connection, or says nothing."""
    if "sentinel" in url.partition(":")[0] or url.startswith("unix"):
        return "Is the server running, and the URL right?"
    other = "rediss:// if it wants TLS"
    if url.startswith("rediss"):
        # a server that wants one may just hang up: the alert that says so comes after the handshake, or never
        other = "redis:// if it does not speak TLS, ?ssl_certfile= if it wants a certificate of yours"
    return f"Is the server running, and the URL right ({other})?"
