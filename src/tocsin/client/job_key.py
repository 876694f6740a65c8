"""A name for a job, from the command that it runs: the one that people would say."""

import re
import shlex

_OPERATORS = set("();|&")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_NUMBER = re.compile(r"\d+(\.\d+)?[smhd]?")
_PREPARING = {"cd", "test", "[", "[[", "sleep", "export", "set", ".", "source", "umask", "ulimit", "true", "if", "then"}
#: Commands that run another one; the number of their own arguments that are no options.
_RUNNERS = {
    "nice": 0, "ionice": 0, "sudo": 0, "env": 0, "nohup": 0, "chronic": 0, "setsid": 0, "time": 0, "exec": 0,
    "command": 0, "flock": 1, "timeout": 0, "systemd-cat": 0, "run-one": 0, "/usr/bin/env": 0, "(": 0, "!": 0,
}  # fmt: skip
_TAKES_A_WORD = {"-u", "-g", "-w", "-E", "-k", "-s", "-C", "-t"}
_INTERPRETERS = re.compile(r"(ba|da|z|k|a)?sh|python[\d.]*|perl|php[\d.]*|ruby|node|java|Rscript")
_EXTENSION = re.compile(r"\.(sh|bash|py|pl|php|rb|js|jar|R)$")
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")


def suggest(command: str) -> str:
    """A jobKey for a command line: the program or script that does the work, without path and extension."""
    parts = _commands(_words(command.replace("\\%", "%")))
    telling = [words for words in map(_without_runners, parts) if words and words[0] not in _PREPARING]
    name = _of_words(telling[0]) if telling else ""
    return _FOREIGN.sub("-", _EXTENSION.sub("", name.rpartition("/")[2])).strip("-.") or "job"


def _words(command: str) -> list[str]:
    """The words of a shell, and its operators."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:  # a quote without its other half
        return command.replace("'", " ").replace('"', " ").split()


def _commands(words: list[str]) -> list[list[str]]:
    """The words of each command in a list or a pipeline."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word and set(word) <= _OPERATORS:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def _without_runners(words: list[str]) -> list[str]:
    """What is really run: without assignments, and without `nice -n 19`, `flock -n file`, `sudo -u somebody`."""
    while words:
        if _ASSIGNMENT.match(words[0]):
            words = words[1:]
            continue
        own = _RUNNERS.get(words[0].rpartition("/")[2])
        if own is None:
            return words
        words = _without_options(words[1:])[own:]
    return words


def _without_options(words: list[str]) -> list[str]:
    while words and (words[0].startswith("-") or _NUMBER.fullmatch(words[0])):
        words = words[2 if words[0] in _TAKES_A_WORD else 1 :]
    return words


def _of_words(words: list[str]) -> str:
    program = words[0].rpartition("/")[2]
    if not _INTERPRETERS.fullmatch(program):
        return program
    if "-c" in words[1:-1]:
        return suggest(words[words.index("-c") + 1])
    scripts = [word for word in words[1:] if not word.startswith("-")]
    return scripts[0] if scripts else program
