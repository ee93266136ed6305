"""Django's peer: the routes."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from tests.benchmarks.peers.django_drf import views

router = SimpleRouter(trailing_slash=False)
router.register("articles", views.ArticleViewSet, basename="article")

urlpatterns = [
    path("health", views.health),
    path("api/", include(router.urls)),
    path("api/user", views.UserView.as_view()),
    path("openapi.json", SpectacularJSONAPIView.as_view()),
]
