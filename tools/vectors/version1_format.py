"""A second implementation of both formats of version 1, written from docs/record-format.md alone."""

import base64
import binascii
import hashlib
import os
import re

from aes_gcm import AesGcm
from waxseal_record import Refused

SALT, IV, TAG = 16, 12, 16
MAX_DATA, MAX_WRAPPED = 1048576, 6144


def b64(data):
    return base64.b64encode(data).decode("ascii")


def unb64(text, least, most):
    """The bytes of canonical base64, no fewer than `least` and no more than `most`."""
    if not isinstance(text, str):
        raise Refused("RECORD_MALFORMED")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Refused("RECORD_MALFORMED")
    if b64(data) != text or not least <= len(data) <= most:
        raise Refused("RECORD_MALFORMED")
    return data


def gcm_open(key, iv, tag, ciphertext):
    plaintext = AesGcm(key).open(iv, ciphertext + tag)
    if plaintext is None:
        raise Refused("INTEGRITY")
    return plaintext


def gcm_seal(key, iv, plaintext):
    sealed = AesGcm(key).seal(iv, plaintext)
    return sealed[:-TAG], sealed[-TAG:]


# --- the encrypted fields of a session item -------------------------------------------------------------------------


def seal_item(data_key, wrapped, plaintext, iv=None):
    iv = iv or os.urandom(IV)
    ciphertext, tag = gcm_seal(data_key, iv, plaintext)
    return {"encryptedData": b64(ciphertext), "encryptedKey": b64(wrapped), "iv": b64(iv), "authTag": b64(tag)}


def open_item(item, unwrap):
    """`unwrap` stands for the key service: the data key of a blob, or None."""
    iv = unb64(item.get("iv"), IV, IV)
    tag = unb64(item.get("authTag"), TAG, TAG)
    wrapped = unb64(item.get("encryptedKey"), 1, MAX_WRAPPED)
    ciphertext = unb64(item.get("encryptedData"), 0, MAX_DATA)
    data_key = unwrap(wrapped)
    if data_key is None:
        raise Refused("INTEGRITY")
    return gcm_open(data_key, iv, tag, ciphertext)


# --- text values under a secret -------------------------------------------------------------------------------------


def text_key(secret, salt):
    return hashlib.scrypt(secret.encode("utf-8"), salt=salt, n=16384, r=8, p=1, dklen=32)


def seal_text(secret, plaintext, salt=None, iv=None):
    salt, iv = salt or os.urandom(SALT), iv or os.urandom(IV)
    ciphertext, tag = gcm_seal(text_key(secret, salt), iv, plaintext)
    return b64(salt + iv + tag + ciphertext)


def open_text(value, secret):
    """`value` is the text, or the bytes of a column."""
    if isinstance(value, bytes):
        if value[:1] == b"\xec":
            raise Refused("UNSUPPORTED_VERSION")
        value = value.decode("latin-1")
    if re.match(r"ws[0-9]+\.", value):
        raise Refused("UNSUPPORTED_VERSION")
    data = unb64(value, SALT + IV + TAG, MAX_DATA)
    salt, iv, tag, ciphertext = data[:16], data[16:28], data[28:44], data[44:]
    plaintext = gcm_open(text_key(secret, salt), iv, tag, ciphertext)
    try:
        plaintext.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("RECORD_MALFORMED")
    return plaintext
