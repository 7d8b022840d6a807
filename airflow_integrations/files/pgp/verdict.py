"""What gpg's status lines say of a message: taken, or refused with the reason.

The lines are those of GnuPG's doc/DETAILS. Everything has to be said for a message to be taken; nothing is taken
because no complaint was heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from airflow_integrations.formats import ContentError

__all__ = ["OtherKey", "RefusedFile", "check"]

_OF_SIGNATURES = {
    "BADSIG": "the signature of {} is wrong: the content is not what was signed",
    "EXPSIG": "the signature of {} has expired",
    "EXPKEYSIG": "it is signed with the key {}, which has expired; put the sender's new public_key into the Connection",
    "REVKEYSIG": "it is signed with the key {}, which its owner has revoked",
    "ERRSIG": "it is signed with the key {}, which is not public_key of the Connection",
}


class RefusedFile(ContentError):
    """A file of which nothing may be taken. It is not remembered as read: keys are mended elsewhere than in files."""


class OtherKey(RefusedFile):
    """It is not for our private key, or the passphrase of that is wrong."""


def check(lines: Iterable[list[str]], ended: int, name: str, *, senders: Collection[str], signed: bool) -> None:
    """Raises RefusedFile.

    ``senders``: fingerprints of the keys that may have signed it. ``ended``: how gpg ended. ``name``: the Connection.
    """
    heard: dict[str, list[list[str]]] = {}
    for words in lines:
        if words and len(told := heard.setdefault(words[0], [])) < 100:
            told.append(words[1:])
    if "ENC_TO" in heard and not {"DECRYPTION_KEY", "DECRYPTION_INFO", "NEED_PASSPHRASE_SYM"} & heard.keys():
        keys = ", ".join(sorted({words[0][:40] for words in heard["ENC_TO"] if words})[:5])
        raise OtherKey(f"it is encrypted to the key {keys}, which is not private_key of Connection {name!r}")
    if why := _fault(heard) or (_signature_fault(heard, senders) if signed else None):
        raise RefusedFile(why)
    if ended != 0:
        raise RefusedFile("gpg does not take it; it may be damaged")


def _fault(heard: dict[str, list[list[str]]]) -> str | None:
    """Why it cannot be decrypted as a whole."""
    if "NEED_PASSPHRASE_SYM" in heard:
        return "it is encrypted with a password; have it encrypted to the public key that belongs to private_key"
    if "BEGIN_DECRYPTION" not in heard and "ENC_TO" not in heard:
        return "it is not encrypted, or no OpenPGP message at all" + (
            ": it is only signed" if "NEWSIG" in heard else ""
        )
    if any(words[:1] == ["0"] and words[2:3] in ([], ["0"]) for words in heard.get("DECRYPTION_INFO", [])):
        return "it has no protection of its integrity (MDC or AEAD): anybody on its way could have changed it"
    if "BADMDC" in heard:
        return "it was changed on its way, has something behind its end, or ends in the middle"
    if not {"DECRYPTION_OKAY", "END_DECRYPTION"} <= heard.keys() or "DECRYPTION_FAILED" in heard:
        return "it cannot be decrypted: it is damaged, or ends in the middle"
    if len(heard.get("PLAINTEXT", [])) != 1:
        return "it does not hold exactly one file"
    return None


def _signature_fault(heard: dict[str, list[list[str]]], senders: Collection[str]) -> str | None:
    """Why its signatures do not count. Of several each has to be of a key that is known: who else has signed, and
    what for, nobody here can tell."""
    for kind, why in _OF_SIGNATURES.items():
        if kind in heard:
            return why.format(heard[kind][0][0][:40] if heard[kind][0] else "an unknown key")
    valid = [words[-1] for words in heard.get("VALIDSIG", []) if words]
    if not valid:
        return "it is not signed; where that is as agreed, write pgp: {signed: false}"
    if len(valid) != len(heard.get("GOODSIG", [])) or len(valid) != len(heard.get("NEWSIG", [])):
        return "one of its signatures cannot be checked"
    if other := set(valid) - set(senders):
        return _OF_SIGNATURES["ERRSIG"].format(min(other)[:40])
    return None
