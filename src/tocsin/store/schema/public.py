"""What may be looked at without signing in, by whoever has its link."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from tocsin.store.schema.columns import at, identity, metadata, workspace

#: A badge or a status page (`kind`) of a workspace, tenant, job or tag. `token` is all that its holder needs: it is no
#: secret of the workspace's, but cannot be guessed.
public_links = Table(
    "public_links",
    metadata,
    identity(),
    workspace(),
    Column("token", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),  # workspace, tenant, job, tag
    Column("tenant_id", BigInteger, ForeignKey("tenants.id", ondelete="CASCADE")),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("tag", Text),
    Column("title", Text, nullable=False, server_default=""),
    at("created_at", required=True),
    Index("uq_public_links_token", "token", unique=True),
    Index("ix_public_links_workspace", "workspace_id", "id"),
)
