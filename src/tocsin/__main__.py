"""`tocsin` and `python -m tocsin`."""

import sys


def main() -> None:
    """What runs beside a job is on a path of its own: it is up before all that the other commands need is loaded."""
    command, arguments = sys.argv[1:2], sys.argv[2:]
    if command == ["exec"]:
        from tocsin.client.execute import main as execute

        sys.exit(execute(arguments))
    if command == ["spool"]:
        from tocsin.client.spool_command import main as spool

        sys.exit(spool(arguments))
    from tocsin.cli import main as others

    others()


if __name__ == "__main__":
    main()
