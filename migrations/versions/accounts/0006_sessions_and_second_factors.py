"""Sessions and second factors"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "accounts_0006"
down_revision = "accounts_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    no = sa.text("false")
    op.add_column("accounts_user", sa.Column("has_second_factor", sa.Boolean(), server_default=no, nullable=False))
    op.add_column("accounts_token", sa.Column("is_session", sa.Boolean(), server_default=no, nullable=False))
    op.add_column("accounts_token", sa.Column("proved_at", sa.DateTime(timezone=True)))

    op.create_table(
        "accounts_totp",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), server_default=no, nullable=False),
        sa.Column("last_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_accounts_totp"),
        _of_user("accounts_totp"),
    )
    op.create_table(
        "accounts_recovery_code",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "digest", name="pk_accounts_recovery_code"),
        _of_user("accounts_recovery_code"),
    )
    op.create_table(
        "accounts_passkey",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transports", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_accounts_passkey_credential_id"),
        _of_user("accounts_passkey"),
    )
    op.create_index("ix_accounts_passkey_user_id", "accounts_passkey", ["user_id"])
    op.create_table(
        "accounts_challenge",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_challenge"),
        sa.UniqueConstraint("digest", name="uq_accounts_challenge_digest"),
        _of_user("accounts_challenge"),
    )
    op.create_index("ix_accounts_challenge_user_id", "accounts_challenge", ["user_id"])
    op.create_index("ix_accounts_challenge_expires_at", "accounts_challenge", ["expires_at"])


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["accounts_user.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in ("accounts_challenge", "accounts_passkey", "accounts_recovery_code", "accounts_totp"):
        op.drop_table(table)
    # A session would be a token without its column, though none that anybody could present.
    op.execute("DELETE FROM accounts_token WHERE is_session")
    op.drop_column("accounts_token", "proved_at")
    op.drop_column("accounts_token", "is_session")
    op.drop_column("accounts_user", "has_second_factor")
