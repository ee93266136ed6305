"""Django's peer: Django and DRF, in the idiom of their own pages."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action, api_view
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from tests.benchmarks.peers.django_drf.models import Article, Favorite, Follow, OutboxEvent
from tests.benchmarks.peers.django_drf.serializers import (
    ArticleSerializer,
    CommentSerializer,
    HealthSerializer,
    SummarySerializer,
    UserSerializer,
)


@extend_schema(responses=HealthSerializer)
@api_view(["GET"])
def health(_: Request) -> Response:
    return Response(HealthSerializer({"status": "ok"}).data)


class ArticlePagination(LimitOffsetPagination):
    default_limit = 20
    max_limit = 100

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"articles": data, "articlesCount": self.count})


class ArticleViewSet(ReadOnlyModelViewSet):
    lookup_field = "slug"
    pagination_class = ArticlePagination
    serializer_class = ArticleSerializer

    def get_queryset(self) -> QuerySet[Article]:
        viewer = self.request.user
        articles = Article.objects.select_related("author").prefetch_related("tags").order_by("-id")
        if not viewer.is_authenticated:
            return articles.annotate(favorited=Value(value=False), following=Value(value=False))
        return articles.annotate(
            favorited=Exists(Favorite.objects.filter(user=viewer, article=OuterRef("pk"))),
            following=Exists(Follow.objects.filter(follower=viewer, followed=OuterRef("author"))),
        )

    def list(self, _: Request) -> Response:
        return self._page(self.get_queryset())

    @action(detail=False, permission_classes=[IsAuthenticated])
    def feed(self, request: Request) -> Response:
        return self._page(self.get_queryset().filter(author__followed_by__follower=request.user))

    def retrieve(self, _: Request, slug: str) -> Response:
        return self._article(slug)

    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    @transaction.atomic
    def favorite(self, request: Request, slug: str) -> Response:
        article = get_object_or_404(Article.objects.only("pk"), slug=slug)
        _, created = Favorite.objects.get_or_create(user=request.user, article=article)
        if created:
            Article.objects.filter(pk=article.pk).update(favorites_count=F("favorites_count") + 1)
        return self._article(slug)

    @favorite.mapping.delete
    @transaction.atomic
    def unfavorite(self, request: Request, slug: str) -> Response:
        article = get_object_or_404(Article.objects.only("pk"), slug=slug)
        Favorite.objects.filter(user=request.user, article=article).delete()  # which a trigger counts
        return self._article(slug)

    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    @transaction.atomic
    def comments(self, request: Request, slug: str) -> Response:
        article = get_object_or_404(Article.objects.only("pk"), slug=slug)
        serializer = CommentSerializer(data=request.data["comment"])
        serializer.is_valid(raise_exception=True)
        comment = serializer.save(article=article, author=request.user)
        OutboxEvent.objects.create(
            name="publishing.comment_posted",
            subject=f"comment:{comment.pk}",
            actor=request.user.pk,
            payload={"commentId": comment.pk, "slug": slug},
        )
        return Response({"comment": serializer.data}, status=201)

    def _article(self, slug: str) -> Response:
        article = get_object_or_404(self.get_queryset(), slug=slug)
        return Response({"article": self.get_serializer(article).data})

    def _page(self, articles: QuerySet[Article]) -> Response:
        page = self.paginate_queryset(articles.defer("body"))
        return self.get_paginated_response(SummarySerializer(page, many=True).data)


class UserView(APIView):
    permission_classes = (IsAuthenticated,)
    serializer_class = UserSerializer

    def get(self, request: Request) -> Response:
        return Response({"user": UserSerializer(request.user, context={"request": request}).data})
