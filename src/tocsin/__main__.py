"""`tocsin` and `python -m tocsin`."""

import sys


def main() -> None:
    """`tocsin exec` is on a path of its own: it must be up before all that the other commands need is loaded."""
    if sys.argv[1:2] == ["exec"]:
        from tocsin.client.execute import main as execute

        sys.exit(execute(sys.argv[2:]))
    from tocsin.cli import main as others

    others()


if __name__ == "__main__":
    main()
