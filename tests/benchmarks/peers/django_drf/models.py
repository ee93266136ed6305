"""Django's peer: unmanaged models of the tables that are there."""

import uuid

from django.db import models


class User(models.Model):
    id = models.UUIDField(primary_key=True)
    username = models.TextField()
    email = models.TextField()
    bio = models.TextField(null=True)
    image = models.TextField(null=True)
    is_active = models.BooleanField()

    is_authenticated = True

    class Meta:
        managed = False
        db_table = "accounts_user"


class Token(models.Model):
    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE)
    digest = models.BinaryField(unique=True)
    expires_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "accounts_token"


class Article(models.Model):
    id = models.UUIDField(primary_key=True)
    slug = models.TextField(unique=True)
    title = models.TextField()
    description = models.TextField()
    body = models.TextField()
    author = models.ForeignKey(User, models.CASCADE)
    favorites_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "publishing_article"


class Tagging(models.Model):
    pk = models.CompositePrimaryKey("article_id", "tag")
    article = models.ForeignKey(Article, models.CASCADE, related_name="tags")
    tag = models.TextField()
    position = models.SmallIntegerField()

    class Meta:
        managed = False
        db_table = "publishing_tagging"
        ordering = ("position",)


class Favorite(models.Model):
    pk = models.CompositePrimaryKey("user_id", "article_id")
    user = models.ForeignKey(User, models.CASCADE)
    article = models.ForeignKey(Article, models.CASCADE)

    class Meta:
        managed = False
        db_table = "publishing_favorite"


class Follow(models.Model):
    pk = models.CompositePrimaryKey("follower_id", "followed_id")
    follower = models.ForeignKey(User, models.CASCADE, related_name="follows")
    followed = models.ForeignKey(User, models.CASCADE, related_name="followed_by")

    class Meta:
        managed = False
        db_table = "publishing_follow"


class OutboxEvent(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    subject = models.TextField()
    actor = models.UUIDField(null=True)
    payload = models.JSONField()

    class Meta:
        managed = False
        db_table = "platform_outbox"


class Comment(models.Model):
    id = models.BigAutoField(primary_key=True)
    article = models.ForeignKey(Article, models.CASCADE)
    author = models.ForeignKey(User, models.CASCADE)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "publishing_comment"
