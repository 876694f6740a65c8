"""Slugs by which jobs are pinged: the words of a name, and a random part."""

import re
import secrets
import string
import unicodedata

#: How many random characters a slug ends in. 36^5 can be guessed in time, so guesses are limited; 36^20 cannot.
SHORT, LONG = 5, 20
_ALPHABET = string.ascii_lowercase + string.digits
_MOST_WORDS = 80
_NAMELESS = "job"


def words_of(name: str) -> str:
    """What is left of a name in a-z, 0-9 and single dashes, at most 80 characters; `job` where nothing is."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:_MOST_WORDS].strip("-") or _NAMELESS


def new_slug(name: str, characters: int) -> str:
    """`daily-backup-x7f2k`: the name's words and so many random characters."""
    return f"{words_of(name)}-{''.join(secrets.choice(_ALPHABET) for _ in range(characters))}"
