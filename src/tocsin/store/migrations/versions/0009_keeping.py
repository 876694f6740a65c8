"""How long a workspace keeps what has been, and the indexes by which what is too old is found."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("retention", sa.Text(), server_default="{}", nullable=False))
    op.create_index("ix_alerts_workspace", "alerts", ["workspace_id", "id"])
    op.create_index("ix_deliveries_alert", "deliveries", ["alert_id"])
    op.create_index("ix_run_notes_workspace", "run_notes", ["workspace_id", "id"])
