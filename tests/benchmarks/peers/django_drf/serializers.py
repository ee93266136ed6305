"""Django's peer: what comes in and goes out."""

# ruff: noqa: N815 - the names of the API's members

from rest_framework import serializers

from tests.benchmarks.peers.django_drf.models import Article, Comment, User


class HealthSerializer(serializers.Serializer):
    status = serializers.CharField()


class AuthorSerializer(serializers.Serializer):
    """An article's author, with the annotation of the article that says whether the viewer follows."""

    username = serializers.CharField(source="author.username")
    bio = serializers.CharField(source="author.bio")
    image = serializers.CharField(source="author.image")
    following = serializers.BooleanField()


class SummarySerializer(serializers.ModelSerializer):
    tagList = serializers.SlugRelatedField(source="tags", slug_field="tag", many=True, read_only=True)
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")
    favorited = serializers.BooleanField()
    favoritesCount = serializers.IntegerField(source="favorites_count")
    author = AuthorSerializer(source="*")

    class Meta:
        model = Article
        fields = (
            "slug",
            "title",
            "description",
            "tagList",
            "createdAt",
            "updatedAt",
            "favorited",
            "favoritesCount",
            "author",
        )


class ArticleSerializer(SummarySerializer):
    class Meta(SummarySerializer.Meta):
        fields = (*SummarySerializer.Meta.fields, "body")


class ProfileSerializer(serializers.ModelSerializer):
    following = serializers.ReadOnlyField(default=False)

    class Meta:
        model = User
        fields = ("username", "bio", "image", "following")


class CommentSerializer(serializers.ModelSerializer):
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)
    author = ProfileSerializer(read_only=True)

    class Meta:
        model = Comment
        fields = ("id", "createdAt", "updatedAt", "body", "author")


class UserSerializer(serializers.ModelSerializer):
    token = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("username", "email", "token", "bio", "image")

    def get_token(self, _: User) -> str:
        return self.context["request"].auth
