"""The key pair of this installation's demo Auth, made once."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PRIVATE = "auth_private.pem"
PUBLIC = "auth_public.pem"  # where the portal looks for it when no other key is configured


def ensure(data_dir: Path) -> str:
    """The private key as PEM; the public one lies beside it. Several processes may start at once: one key wins."""
    folder = data_dir / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / PRIVATE).exists():
        key = generate_private_key(public_exponent=65537, key_size=2048)
        _write_once(folder / PRIVATE, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem = (folder / PRIVATE).read_bytes()
    if not (folder / PUBLIC).exists():
        public = load_pem_private_key(pem, password=None).public_key()
        _write_once(folder / PUBLIC, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pem.decode()


def _write_once(path: Path, content: bytes) -> None:
    """The first link wins, and nobody reads a half-written file."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
