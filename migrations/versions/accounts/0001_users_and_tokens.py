"""Users and tokens"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0001"
down_revision = None
branch_labels = ("accounts",)
depends_on = "platform_0001"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "accounts_user",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text()),
        sa.Column("bio", sa.Text()),
        sa.Column("image", sa.Text()),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_user"),
    )
    op.create_index("uq_accounts_user_username", "accounts_user", [sa.text("lower(username)")], unique=True)
    op.create_index("uq_accounts_user_email", "accounts_user", [sa.text("lower(email)")], unique=True)
    # Not the password, nor what a user may do: `updated_at` is when what is shown of them changed.
    op.execute("""
        CREATE TRIGGER touch BEFORE UPDATE OF username, email, display_name, bio, image ON accounts_user
        FOR EACH ROW EXECUTE FUNCTION platform_touch()
    """)

    op.create_table(
        "accounts_token",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_token"),
        sa.UniqueConstraint("digest", name="uq_accounts_token_digest"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_accounts_token_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_accounts_token_user_id", "accounts_token", ["user_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("accounts_token")
    op.drop_table("accounts_user")
