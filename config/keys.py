"""Keys that secrets are encrypted with."""

from pydantic import SecretStr

SHORTEST = 32  # characters


def as_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """Keys that nobody guesses, each once. Raises ValueError."""
    texts = [key.get_secret_value() for key in keys]
    if any(len(text) < SHORTEST for text in texts) or len(set(texts)) < len(texts):
        raise ValueError(
            f"each must be different and have at least {SHORTEST} characters, and no comma; "
            'python -c "import secrets; print(secrets.token_urlsafe(32))" makes one'
        )
    return keys
