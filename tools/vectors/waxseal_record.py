"""A second implementation of the record format, written from docs/record-format.md alone."""

import base64
import hashlib
import hmac
import re

from aes_gcm import AesGcm

CHUNK = 16384
CONTENTS = ("bytes", "text", "json")
AWS_KMS, LOCAL, PASSPHRASE = 1, 2, 3


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = "ERR_WAXSEAL_" + code


# --- canonical maps -------------------------------------------------------------------------------------------------


def canonical_map(entries):
    if not entries:
        raise ValueError("a context must have at least one entry")
    out = len(entries).to_bytes(2, "big")
    for name, value in sorted((n.encode("utf-8"), v.encode("utf-8")) for n, v in entries.items()):
        out += len(name).to_bytes(2, "big") + name + len(value).to_bytes(2, "big") + value
    return out


# --- payload --------------------------------------------------------------------------------------------------------


def derive(input_key, salt, context):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    t1 = hmac.digest(input_key, info + b"\1", hashlib.sha512)
    t2 = hmac.digest(input_key, t1 + info + b"\2", hashlib.sha512)
    okm = (t1 + t2)[:76]
    return AesGcm(okm[:32]), okm[32:44], okm[44:]


def chunk_nonce(base_nonce, index):
    return (int.from_bytes(base_nonce, "big") ^ index).to_bytes(12, "big")


def seal_payload(input_key, salt, context, plaintext):
    gcm, base_nonce, commitment = derive(input_key, salt, context)
    out = salt + commitment
    for index in range(len(plaintext) // CHUNK + 1):
        out += gcm.seal(chunk_nonce(base_nonce, index), plaintext[index * CHUNK : (index + 1) * CHUNK])
    return out


def possible_payload_length(length):
    return length >= 56 + 16 and (length - 56) % (CHUNK + 16) >= 16


def open_payload(input_key, context, payload):
    if not possible_payload_length(len(payload)):
        raise Refused("INTEGRITY")
    gcm, base_nonce, commitment = derive(input_key, payload[:24], context)
    if not hmac.compare_digest(commitment, payload[24:56]):
        raise Refused("INTEGRITY")
    chunks = payload[56:]
    out = []
    for index, start in enumerate(range(0, len(chunks), CHUNK + 16)):
        plaintext = gcm.open(chunk_nonce(base_nonce, index), chunks[start : start + CHUNK + 16])
        if plaintext is None:
            raise Refused("INTEGRITY")
        out.append(plaintext)
    return b"".join(out)


# --- local keyring --------------------------------------------------------------------------------------------------


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def local_kid(root_key):
    return b64url(hmac.digest(root_key, b"waxseal-kid-v2", hashlib.sha512)[:8])


def wrap_context(kid, encryption_context):
    return b"waxseal-wrap-v2" + bytes([len(kid)]) + kid.encode() + canonical_map(encryption_context)


def wrap(root_key, salt, data_key, encryption_context):
    return seal_payload(root_key, salt, wrap_context(local_kid(root_key), encryption_context), data_key)


# --- passphrase keyring ----------------------------------------------------------------------------------------------


class Passphrase:
    def __init__(self, passphrase, kid, N, r, p, salt=None):
        if salt is None:
            salt = hashlib.sha256(b"waxseal-passphrase-salt-v2" + kid.encode()).digest()[:16]
        self.kid = kid
        self.parameters = bytes([N.bit_length() - 1, r, p]) + salt
        self._scrypt = {"password": passphrase.encode("utf-8"), "salt": salt, "n": N, "r": r, "p": p}
        self._key = None

    def key(self):
        self._key = self._key or hashlib.scrypt(**self._scrypt, maxmem=2**31 - 1, dklen=32)
        return self._key

    def context(self, encryption_context):
        kid = self.kid.encode()
        return b"waxseal-passphrase-v2" + self.parameters + bytes([len(kid)]) + kid + canonical_map(encryption_context)

    def wrap(self, salt, data_key, encryption_context):
        return self.parameters + seal_payload(self.key(), salt, self.context(encryption_context), data_key)


# --- data keys ------------------------------------------------------------------------------------------------------


def unwrap(root_keys, passphrase, wrapped_keys, encryption_context):
    """The data key under whichever of the reader's keys opens first."""
    by_name = {(keyring, kid): wrapped for keyring, kid, wrapped in wrapped_keys}
    attempts = []
    for root_key in root_keys:
        kid = local_kid(root_key)
        if (LOCAL, kid) in by_name:
            attempts.append((lambda key=root_key: key, wrap_context(kid, encryption_context), by_name[LOCAL, kid]))
    wrapped = by_name.get((PASSPHRASE, passphrase.kid)) if passphrase else None
    if wrapped and wrapped[:19] == passphrase.parameters:
        attempts.append((passphrase.key, passphrase.context(encryption_context), wrapped[19:]))
    for input_key, context, payload in attempts:
        try:
            return open_payload(input_key(), context, payload)
        except Refused:
            pass
    raise Refused("INTEGRITY" if attempts else "KEY_MISMATCH")


# --- records --------------------------------------------------------------------------------------------------------


def is_canonical_b64url(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
        return False
    return b64url(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == text


def parse(record):
    """Returns content, wrapped keys and payload of a record in bytes."""
    if record and re.match(rb"[A-Za-z0-9+/]", record[:1]):
        raise Refused("LEGACY_REFUSED")
    malformed = Refused("RECORD_MALFORMED")
    if not record or record[0] != 0xEC or len(record) < 6:
        raise malformed
    if record[1] != 2:
        raise Refused("UNSUPPORTED_VERSION")
    if record[2] != 1:
        raise Refused("UNSUPPORTED_SUITE")
    if len(record) > 1048576 or record[3] != 0 or record[4] > 2 or not 1 <= record[5] <= 8:
        raise malformed
    wrapped_keys, at = [], 6

    def take(count):
        nonlocal at
        if at + count > len(record):
            raise malformed
        at += count
        return record[at - count : at]

    for _ in range(record[5]):
        keyring = take(1)[0]
        kid = take(take(1)[0])
        wrapped = take(int.from_bytes(take(2), "big"))
        if not 1 <= len(kid) <= 64 or not 1 <= len(wrapped) <= 1024 or any(b < 0x21 or b > 0x7E for b in kid):
            raise malformed
        kid = kid.decode("ascii")
        if any(keyring == k and kid == name for k, name, _ in wrapped_keys):
            raise malformed
        if keyring == LOCAL:
            if len(kid) != 11 or not is_canonical_b64url(kid) or len(wrapped) != 104:
                raise malformed
        elif keyring == PASSPHRASE:
            if len(wrapped) != 123 or not 10 <= wrapped[0] <= 20 or not 1 <= wrapped[1] <= 16 or not 1 <= wrapped[2] <= 16:
                raise malformed
        elif keyring != AWS_KMS:
            raise malformed
        wrapped_keys.append((keyring, kid, wrapped))
    if not possible_payload_length(len(record) - at):
        raise malformed
    return CONTENTS[record[4]], wrapped_keys, record[at:]


def binding(record, record_context):
    encoded = canonical_map(record_context)
    return record[:5] + len(encoded).to_bytes(4, "big") + encoded


def open_record(record, root_keys, passphrase, encryption_context, record_context):
    content, wrapped_keys, payload = parse(record)
    data_key = unwrap(root_keys, passphrase, wrapped_keys, encryption_context)
    return content, open_payload(data_key, binding(record, record_context), payload)


def seal_record(content, wrapped_keys, data_key, salt, record_context, plaintext):
    header = bytes([0xEC, 2, 1, 0, CONTENTS.index(content), len(wrapped_keys)])
    for keyring, kid, wrapped in wrapped_keys:
        header += bytes([keyring, len(kid)]) + kid.encode("ascii") + len(wrapped).to_bytes(2, "big") + wrapped
    return header + seal_payload(data_key, salt, binding(header, record_context), plaintext)


def to_text(record):
    return "ws2." + b64url(record)


def from_text(text):
    if not text.startswith("ws2."):
        if re.match(r"ws[0-9]+\.", text):
            raise Refused("UNSUPPORTED_VERSION")
        raise Refused("LEGACY_REFUSED" if re.match(r"[A-Za-z0-9+/]", text) else "RECORD_MALFORMED")
    if not is_canonical_b64url(text[4:]):
        raise Refused("RECORD_MALFORMED")
    return base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
