"""What a run says: its end is what explains it."""

MESSAGE_BYTES = 10 * 1024


def tail(text: str) -> str:
    """The last 10 KB."""
    encoded = text.encode()
    return text if len(encoded) <= MESSAGE_BYTES else encoded[-MESSAGE_BYTES:].decode(errors="ignore")


def joined(before: str | None, after: str | None) -> str | None:
    """One said after the other, each from its own line on."""
    if not before or not after:
        return after or before
    return tail(before + ("" if before.endswith("\n") else "\n") + after)
