"""The secrets of apps, which we draw ourselves: 256 bits, kept as a SHA-256.

A slow hash makes guessing costly where people choose; 2**256 equally likely secrets are out of reach at
any speed. It would cost only us: a stranger who sends wrong secrets to the open route would occupy
19 MiB and a processor with each (`passwords`). Knows no app and no store.
"""

import hmac
import re
from typing import Final

from tradewrit.credentials.records import digest
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy

SECRET_BYTES: Final = 32
_MARK: Final = "sha256$"
_FORM: Final = re.compile(r"sha256\$[0-9a-f]{64}")
_NOBODY: Final = _MARK + "0" * 64


def draw_client_secret(entropy: Entropy) -> str:
    """A new secret: 64 hex characters, to be shown once."""
    return entropy(SECRET_BYTES).hex()


def hash_client_secret(secret: str) -> str:
    """What to keep of it. Only for a secret from `draw_client_secret`."""
    return _MARK + digest(secret).hex()


def verify_client_secret(secret: str, hashed: str | None) -> bool:
    """Whether it is the secret of that hash; None, for an unknown client, takes as long.

    Raises KeyMaterialError when the hash was altered into something that is none.
    """
    if hashed is not None and _FORM.fullmatch(hashed) is None:
        raise KeyMaterialError("a stored client secret is damaged: remove the app and add it anew")
    is_same = hmac.compare_digest(hash_client_secret(secret), _NOBODY if hashed is None else hashed)
    return is_same and hashed is not None
