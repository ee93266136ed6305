"""Django's peer: DRF's token authentication, on the table that has the tokens' hashes."""

from hashlib import sha256

from django.utils import timezone
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from tests.benchmarks.peers.django_drf.models import Token, User


class DigestAuthentication(TokenAuthentication):
    def authenticate_credentials(self, key: str) -> tuple[User, str]:
        tokens = Token.objects.select_related("user").filter(expires_at__gt=timezone.now(), user__is_active=True)
        try:
            token = tokens.get(digest=sha256(key.encode()).digest())
        except Token.DoesNotExist:
            raise AuthenticationFailed from None
        return token.user, key
