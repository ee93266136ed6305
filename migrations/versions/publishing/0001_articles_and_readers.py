"""Articles, their tags, comments and readers"""

import sqlalchemy as sa
from alembic import op

revision = "publishing_0001"
down_revision = None
branch_labels = ("publishing",)
depends_on = ("platform_0001", "accounts_0001")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "publishing_article",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("favorites_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_publishing_article"),
        sa.UniqueConstraint("slug", name="uq_publishing_article_slug"),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts_user.id"], name="fk_publishing_article_author_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publishing_article_author_id", "publishing_article", ["author_id", "id"])
    op.execute("""
        CREATE TRIGGER touch BEFORE UPDATE OF slug, title, description, body ON publishing_article
        FOR EACH ROW EXECUTE FUNCTION platform_touch()
    """)
    op.execute("""
        CREATE TRIGGER count_inserted AFTER INSERT ON publishing_article REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_article')
    """)
    op.execute("""
        CREATE TRIGGER count_deleted AFTER DELETE ON publishing_article REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_article')
    """)
    op.execute("""
        CREATE TRIGGER count_truncated AFTER TRUNCATE ON publishing_article
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_article')
    """)

    op.create_table(
        "publishing_tagging",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", "tag", name="pk_publishing_tagging"),
        sa.ForeignKeyConstraint(
            ["article_id"], ["publishing_article.id"], name="fk_publishing_tagging_article_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publishing_tagging_tag", "publishing_tagging", ["tag", "article_id"])
    op.execute("""
        CREATE TRIGGER count_inserted AFTER INSERT ON publishing_tagging REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_tagging', 'tag')
    """)
    op.execute("""
        CREATE TRIGGER count_deleted AFTER DELETE ON publishing_tagging REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_tagging', 'tag')
    """)
    op.execute("""
        CREATE TRIGGER count_updated AFTER UPDATE ON publishing_tagging
        REFERENCING OLD TABLE AS former NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_tagging', 'tag')
    """)
    op.execute("""
        CREATE TRIGGER count_truncated AFTER TRUNCATE ON publishing_tagging
        FOR EACH STATEMENT EXECUTE FUNCTION platform_count('publishing_tagging', 'tag')
    """)

    op.create_table(
        "publishing_favorite",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "article_id", name="pk_publishing_favorite"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_publishing_favorite_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["publishing_article.id"], name="fk_publishing_favorite_article_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publishing_favorite_article_id", "publishing_favorite", ["article_id"])

    op.create_table(
        "publishing_follow",
        sa.Column("follower_id", sa.Uuid(), nullable=False),
        sa.Column("followed_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("follower_id", "followed_id", name="pk_publishing_follow"),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["accounts_user.id"], name="fk_publishing_follow_follower_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["followed_id"], ["accounts_user.id"], name="fk_publishing_follow_followed_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("follower_id <> followed_id", name=op.f("ck_publishing_follow_not_oneself")),
    )
    op.create_index("ix_publishing_follow_followed_id", "publishing_follow", ["followed_id"])

    op.create_table(
        "publishing_comment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_publishing_comment"),
        sa.ForeignKeyConstraint(
            ["article_id"], ["publishing_article.id"], name="fk_publishing_comment_article_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts_user.id"], name="fk_publishing_comment_author_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publishing_comment_article_id", "publishing_comment", ["article_id", "id"])
    op.create_index("ix_publishing_comment_author_id", "publishing_comment", ["author_id"])
    op.execute("""
        CREATE TRIGGER touch BEFORE UPDATE OF body ON publishing_comment
        FOR EACH ROW EXECUTE FUNCTION platform_touch()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("publishing_comment")
    op.drop_table("publishing_follow")
    op.drop_table("publishing_favorite")
    op.drop_table("publishing_tagging")
    op.drop_table("publishing_article")
    op.execute("DELETE FROM platform_counter WHERE name IN ('publishing_article', 'publishing_tagging')")
