"""`tocsin demo`: a Tocsin of its own with a dozen lively tenants, one of whom keeps falling silent."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tocsin.cli.options import Host, Port, load_settings


def demo(host: Host = None, port: Port = None) -> None:
    """Start a Tocsin in a folder that is thrown away, with an example that makes an incident within a minute."""
    from tocsin.cli.demo_tenants import feed_beside
    from tocsin.cli.node import run

    with TemporaryDirectory(prefix="tocsin-demo-") as folder:
        run(load_settings(host=host, port=port, data_dir=Path(folder), database_url="", role="all"), feed_beside)
