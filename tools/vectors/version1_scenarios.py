"""The scenarios of vectors/version1. Every input follows from the name of its scenario, so that a second run in an empty
folder gives the same bytes."""

import base64
import hashlib
import json

from aes_gcm import AesGcm
from version1_format import b64, seal_item, seal_text

MALFORMED, INTEGRITY = "ERR_WAXSEAL_RECORD_MALFORMED", "ERR_WAXSEAL_INTEGRITY"
LATER = "ERR_WAXSEAL_UNSUPPORTED_VERSION"


def made(label, length):
    """As many bytes as asked for that follow from a label and nothing else."""
    seeds = (f"waxseal vectors version 1 {label} {i}".encode() for i in range(length // 32 + 1))
    return b"".join(hashlib.sha256(seed).digest() for seed in seeds)[:length]


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
TOKEN = b"ya29.an access token, made up"


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


def bent_item(name, scenario, error, **changes):
    """A sound item that is refused, since its fields are what functions make of them."""
    vector = item(name, scenario, EXPRESS)
    del vector["plaintext"]
    for field, change in changes.items():
        vector["item"][field] = change(vector["item"][field])
    return {**vector, "error": error}


def other_iv(name, iv):
    """An item under an IV of another length, as GCM defines it: it verifies wherever the length is not looked at."""
    vector = item(name, f"An IV of {len(iv)} bytes, with which the item verifies", EXPRESS)
    gcm = AesGcm(bytes.fromhex(vector["dataKey"]))
    first = int.from_bytes(gcm._ghash.digest(iv), "big")

    def counter(i):
        """The last 32 bits count, and wrap within themselves."""
        return gcm._aes.encrypt_block((first & ~0xFFFFFFFF | first + i & 0xFFFFFFFF).to_bytes(16, "big"))

    stream = b"".join(counter(1 + i) for i in range(len(EXPRESS) // 16 + 1))
    ciphertext = bytes(a ^ b for a, b in zip(EXPRESS, stream))
    tag = bytes(a ^ b for a, b in zip(gcm._ghash.digest(ciphertext), counter(0)))
    vector["item"].update(encryptedData=b64(ciphertext), iv=b64(iv), authTag=b64(tag))
    del vector["plaintext"]
    return {**vector, "error": MALFORMED}


# --- text values ----------------------------------------------------------------------------------------------------


def text(name, scenario, plaintext, secret=None):
    secret = secret or made(f"{name} secret", 24).hex()
    value = seal_text(secret, plaintext, made(f"{name} salt", 16), made(f"{name} iv", 12))
    return {"scenario": scenario, "format": "text", "secret": secret, "text": value, "plaintext": plaintext.hex()}


def bent_text(name, scenario, error, change=None, plaintext=TOKEN, **fields):
    """A sound value that is refused, since it is what a function makes of it: text, or the bytes of a column."""
    vector = text(name, scenario, plaintext)
    del vector["plaintext"]
    value = change(vector["text"]) if change else vector["text"]
    if isinstance(value, bytes):
        del vector["text"]
        vector["bytes"] = value.hex()
    else:
        vector["text"] = value
    return {**vector, **fields, "error": error}


# --- what is done to base64 -----------------------------------------------------------------------------------------


def in_bytes(change):
    """The canonical base64 of other bytes."""
    return lambda value: b64(change(base64.b64decode(value)))


def flip(at):
    return in_bytes(lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def first(length):
    return in_bytes(lambda data: (data + bytes(length))[:length])


def spare_bits(value):
    """The same bytes to whoever ignores the bits that the last character has too many."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = value.rstrip("=")
    return body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + value[len(body) :] if body != value else value


# Each stands for the same bytes to a lenient reader.
BENDS = {
    "newline": ("A line break at the end", lambda value: value + "\n"),
    "space": ("A space within", lambda value: value[:8] + " " + value[8:]),
    "junk": ("A character that base64 does not have", lambda value: value[:8] + "*" + value[8:]),
    "url": ("The alphabet of base64url", lambda value: value.replace("+", "-").replace("/", "_")),
    "unpadded": ("No padding", lambda value: value.rstrip("=")),
    "padded": ("More padding", lambda value: value + "="),
    "spare-bits": ("Spare bits that are set", spare_bits),
}


def bends(value):
    """Those that make a difference to this text."""
    return {name: bend for name, bend in BENDS.items() if bend[1](value) != value}


# --- the files ------------------------------------------------------------------------------------------------------


def opened():
    yield "item-express", item("item-express", "A session of Express", EXPRESS)
    fastify = "A session of Fastify, with characters beyond ASCII"
    yield "item-fastify", item("item-fastify", fastify, FASTIFY, "wN7cE2xYp0-VtQ_LsZ5rJhKf3uGdM9bA")
    yield "item-empty", item("item-empty", "No bytes", b"")
    yield "item-long", item("item-long", "More than one KiB, and no whole block", made("item-long", 1030))
    yield "text-token", text("text-token", "An access token", TOKEN)
    unicode = "\ufeffnaïve 🔑".encode()
    yield "text-unicode", text("text-unicode", "Characters beyond ASCII, and a byte order mark that stays", unicode)
    yield "text-empty", text("text-empty", "No characters: 44 bytes", b"")
    yield "text-long", text("text-long", "A long token", made("text-long", 600).hex().encode())
    secret = "pässwörter mit mehr als 32 Zeichen 🔑"
    yield "text-secret", text("text-secret", "A secret with characters beyond ASCII", TOKEN, secret)


def refused():
    yield from refused_items()
    yield from refused_texts()


def refused_items():
    sound = item("item-express", "", EXPRESS)["item"]
    for field in ("encryptedData", "encryptedKey", "iv", "authTag"):
        for bend, (what, change) in bends(sound[field]).items():
            name = f"item-{field}-{bend}"
            yield name, bent_item("item-express", f"{field}: {what}", MALFORMED, **{field: change})
        yield f"item-{field}-null", bent_item(field, f"{field}: null", MALFORMED, **{field: lambda _: None})
        yield f"item-{field}-number", bent_item(field, f"{field}: a number", MALFORMED, **{field: lambda _: 5})
    for length in (0, 4, 8, 12, 15, 17):
        name = f"item-tag-{length}"
        yield name, bent_item(name, f"{length} bytes of the tag", MALFORMED, authTag=first(length))
    yield "item-iv-0", bent_item("item-iv-0", "No IV", MALFORMED, iv=first(0))
    for length in (8, 11, 13, 16):
        yield f"item-iv-{length}", other_iv(f"item-iv-{length}", made(f"item-iv-{length}", length))
    for length in (0, 6145):
        name = f"item-key-{length}"
        yield name, bent_item(name, f"A wrapped key of {length} bytes", MALFORMED, encryptedKey=first(length))
    for field in ("encryptedData", "encryptedKey", "iv", "authTag"):
        name = f"item-{field}-flipped"
        yield name, bent_item(name, f"{field}: one bit", INTEGRITY, **{field: flip(3)})
    cut = in_bytes(lambda data: data[:-1])
    yield "item-data-cut", bent_item("item-data-cut", "encryptedData: one byte less", INTEGRITY, encryptedData=cut)
    more = in_bytes(lambda data: data + b"\0")
    yield "item-data-more", bent_item("item-data-more", "encryptedData: one byte more", INTEGRITY, encryptedData=more)
    other = {"dataKey": made("another data key", 32).hex()}
    yield "item-other-key", {**bent_item("item-other-key", "Another data key behind the blob", INTEGRITY), **other}


def refused_texts():
    sound = text("text-token", "", TOKEN)["text"]
    for bend, (what, change) in bends(sound).items():
        yield f"text-{bend}", bent_text("text-token", what, MALFORMED, change)
        bent = change(sound).encode()
        yield f"bytes-{bend}", bent_text("text-token", f"{what}, in the bytes of a column", MALFORMED, lambda _: bent)
    for at, what in ((0, "salt"), (16, "IV"), (28, "tag"), (44, "ciphertext")):
        name = f"text-{what.lower()}-flipped"
        yield name, bent_text(name, f"One bit of the {what}", INTEGRITY, flip(at))
    for length in (0, 4, 8, 12, 15, 17):
        name = f"text-tag-{length}"
        change = in_bytes(lambda data: data[:28] + (data[28:44] + b"\0")[:length] + data[44:])
        yield name, bent_text(name, f"{length} bytes where the tag has 16", INTEGRITY, change)
    for length in (0, 8, 11, 13, 16):
        name = f"text-iv-{length}"
        change = in_bytes(lambda data: data[:16] + (data[16:28] + bytes(4))[:length] + data[28:])
        yield name, bent_text(name, f"{length} bytes where the IV has 12", INTEGRITY, change)
    yield "text-nothing", bent_text("text-nothing", "An empty string", MALFORMED, lambda _: "")
    yield "text-43-bytes", bent_text("text-43-bytes", "One byte less than salt, IV and tag", MALFORMED, first(43))
    yield "text-cut", bent_text("text-cut", "One byte less", INTEGRITY, in_bytes(lambda data: data[:-1]))
    yield "text-more", bent_text("text-more", "One byte more", INTEGRITY, in_bytes(lambda data: data + b"\0"))
    yield "text-twice", bent_text("text-twice", "Two values in one", MALFORMED, lambda value: value + value)
    secret = made("another secret", 24).hex()
    yield "text-other-secret", bent_text("text-other-secret", "Another secret", INTEGRITY, secret=secret)
    latin = "naïve".encode("latin-1")
    what = "A text in another encoding, which verifies"
    yield "text-not-utf-8", bent_text("text-not-utf-8", what, MALFORMED, plaintext=latin)
    yield "text-version-2", bent_text("text-version-2", "The text form of version 2", LATER, lambda _: "ws2.7AIBAAEB")
    record = bytes.fromhex("ec02010001")
    yield "bytes-version-2", bent_text("bytes-version-2", "A record of version 2", LATER, lambda _: record)
    utf16 = lambda value: value.encode("utf-16-le")
    yield "bytes-utf-16", bent_text("bytes-utf-16", "A column of another encoding", MALFORMED, utf16)
