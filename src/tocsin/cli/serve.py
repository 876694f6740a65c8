"""`tocsin serve`: one process that answers, judges and delivers, or a part of that."""

from tocsin.cli.options import DatabaseUrl, DataDir, Host, Port, RoleName, load_settings


def serve(
    host: Host = None,
    port: Port = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    role: RoleName = None,
) -> None:
    """Start Tocsin. The first start makes a workspace, and prints its API key and what to do with it."""
    from tocsin.cli.node import run

    run(load_settings(host=host, port=port, database_url=database_url, data_dir=data_dir, role=role))
