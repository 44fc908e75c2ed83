"""The scenarios of vectors/version1. Every input follows from the name of its scenario, so all runs make the same files."""

import hashlib
import json

from aes_gcm import AesGcm
from version1_format import b64, seal_item, seal_text, text_key

MALFORMED, INTEGRITY = "ERR_WAXSEAL_RECORD_MALFORMED", "ERR_WAXSEAL_INTEGRITY"
LATER = "ERR_WAXSEAL_UNSUPPORTED_VERSION"


def made(label, length):
    """As many bytes as asked for that follow from a label and nothing else."""
    blocks = (hashlib.sha256(f"waxseal vectors version 1 {label} {i}".encode()).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


EXPRESS = compact({
    "cookie": {"originalMaxAge": 604800000, "expires": "2027-01-15T08:00:00.000Z", "httpOnly": True, "path": "/"},
    "user": {"email": "ada@example.com", "name": "Ada Lovelace"},
})
FASTIFY = compact({
    "cookie": {"path": "/", "httpOnly": True, "originalMaxAge": 604800000, "expires": "2027-01-15T08:00:00.000Z"},
    "tokens": {"access_token": "ya29.example", "scope": "openid email"},
    "user": {"email": "grace@example.com", "name": "Gráce 🔑"},
})


# --- items ----------------------------------------------------------------------------------------------------------


def item(name, scenario, plaintext, session_id="Jd0pGMsXQyZ9vT1kRb8eWuLhC5oNfA2i"):
    data_key, wrapped = made(f"{name} data key", 32), made(f"{name} wrapped", 184)
    fields = seal_item(data_key, wrapped, plaintext, made(f"{name} iv", 12))
    return {
        "scenario": scenario,
        "format": "item",
        "dataKey": data_key.hex(),
        "wrapped": wrapped.hex(),
        "item": {"sessionId": session_id, **fields, "ttl": 1800000000, "version": 1},
        "plaintext": plaintext.hex(),
    }


def bent_item(name, scenario, error, plaintext=EXPRESS, **changes):
    """A sound item, refused for what was changed: a function of the field's text, or undefined, which takes it out."""
    vector = item(name, scenario, plaintext)
    del vector["plaintext"]
    for field, change in changes.items():
        if change is None:
            del vector["item"][field]
        else:
            vector["item"][field] = change(vector["item"][field])
    return {**vector, "error": error}


def other_iv(name, iv):
    """An item under an IV of another length, as GCM defines it: it verifies wherever the length is not looked at."""
    vector = item(name, f"An IV of {len(iv)} bytes, with which the item verifies", EXPRESS)
    gcm = AesGcm(bytes.fromhex(vector["dataKey"]))
    first = int.from_bytes(gcm._ghash.digest(iv), "big")
    # The counter is the last 32 bits, and wraps within them.
    counter = lambda i: gcm._aes.encrypt_block((first & ~0xFFFFFFFF | first + i & 0xFFFFFFFF).to_bytes(16, "big"))
    stream = b"".join(counter(1 + i) for i in range(len(EXPRESS) // 16 + 1))
    ciphertext = bytes(a ^ b for a, b in zip(EXPRESS, stream))
    tag = bytes(a ^ b for a, b in zip(gcm._ghash.digest(ciphertext), counter(0)))
    vector["item"].update(encryptedData=b64(ciphertext), iv=b64(iv), authTag=b64(tag))
    del vector["plaintext"]
    return {**vector, "error": MALFORMED}


# --- text values ----------------------------------------------------------------------------------------------------


def secret_of(name):
    return made(f"{name} secret", 24).hex()


def sound_text(name, plaintext):
    return seal_text(secret_of(name), plaintext, made(f"{name} salt", 16), made(f"{name} iv", 12))


def text(name, scenario, plaintext, secret=None):
    secret = secret or secret_of(name)
    value = seal_text(secret, plaintext, made(f"{name} salt", 16), made(f"{name} iv", 12))
    return {"scenario": scenario, "format": "text", "secret": secret, "text": value, "plaintext": plaintext.hex()}


def bent_text(name, scenario, error, change, secret=None, plaintext=b"ya29.an access token"):
    """A sound value, refused for what was changed in its text, or for what it is in bytes."""
    value = change(sound_text(name, plaintext))
    stored = {"text": value} if isinstance(value, str) else {"bytes": value.hex()}
    return {"scenario": scenario, "format": "text", "secret": secret or secret_of(name), **stored, "error": error}


def parts(value):
    data = bytes.fromhex(unpack(value))
    return data[:16], data[16:28], data[28:44], data[44:]


def unpack(value):
    import base64

    return base64.b64decode(value).hex()
