"""Django's peer: the application that Django is told of."""

from pathlib import Path

from django.apps import AppConfig


class DjangoDrf(AppConfig):
    name = "tests.benchmarks.peers.django_drf"
    label = "django_drf"
    path = str(Path(__file__).parent)
