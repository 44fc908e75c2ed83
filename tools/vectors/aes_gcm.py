"""AES-256-GCM in plain Python (FIPS 197, NIST SP 800-38D): slow and not constant-time, for checking vectors only."""

import hmac


def _sbox():
    """Inverses in GF(2^8), then the affine map of FIPS 197, section 5.1.1."""
    box = [0] * 256
    p = q = 1
    while True:
        p ^= (p << 1) ^ (0x11B if p & 0x80 else 0)
        p &= 0xFF
        for shift in (1, 2, 4):
            q ^= q << shift
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        rotations = q
        for shift in (1, 2, 3, 4):
            rotations ^= ((q << shift) | (q >> (8 - shift))) & 0xFF
        box[p] = rotations ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = _sbox()


def _double(byte):
    return ((byte << 1) ^ (0x1B if byte & 0x80 else 0)) & 0xFF


# SubBytes and MixColumns together: for each row of a column, what one byte adds to the 32-bit output column.
_TABLES = []
for _row in range(4):
    _table = []
    for _byte in range(256):
        _s = SBOX[_byte]
        _column = [_double(_s), _s, _s, _double(_s) ^ _s]
        _column = _column[-_row:] + _column[:-_row] if _row else _column
        _table.append(int.from_bytes(bytes(_column), "big"))
    _TABLES.append(_table)


class Aes256:
    def __init__(self, key):
        words = [int.from_bytes(key[i : i + 4], "big") for i in range(0, 32, 4)]
        rcon = 1
        for i in range(8, 60):
            word = words[i - 1]
            if i % 8 == 0:
                word = self._substitute((word << 8 | word >> 24) & 0xFFFFFFFF) ^ (rcon << 24)
                rcon = _double(rcon)
            elif i % 8 == 4:
                word = self._substitute(word)
            words.append(words[i - 8] ^ word)
        self._rounds = [words[i : i + 4] for i in range(0, 60, 4)]

    @staticmethod
    def _substitute(word):
        return int.from_bytes(bytes(SBOX[b] for b in word.to_bytes(4, "big")), "big")

    def encrypt_block(self, block):
        t0, t1, t2, t3 = _TABLES
        state = [int.from_bytes(block[i : i + 4], "big") ^ k for i, k in zip(range(0, 16, 4), self._rounds[0])]
        for keys in self._rounds[1:-1]:
            a, b, c, d = state
            state = [
                t0[w >> 24] ^ t1[x >> 16 & 255] ^ t2[y >> 8 & 255] ^ t3[z & 255] ^ k
                for w, x, y, z, k in ((a, b, c, d, keys[0]), (b, c, d, a, keys[1]), (c, d, a, b, keys[2]), (d, a, b, c, keys[3]))
            ]
        out = b""
        a, b, c, d = state
        for (w, x, y, z), k in zip(((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c)), self._rounds[-1]):
            word = SBOX[w >> 24] << 24 | SBOX[x >> 16 & 255] << 16 | SBOX[y >> 8 & 255] << 8 | SBOX[z & 255]
            out += (word ^ k).to_bytes(4, "big")
        return out


class _Ghash:
    """Multiplication by H in GF(2^128), bit 0 the most significant, with one table for each nibble position."""

    def __init__(self, h):
        multiples, value = [], h
        for _ in range(128):
            multiples.append(value)
            value = value >> 1 ^ (0xE1 << 120 if value & 1 else 0)
        self._tables = []
        for position in range(0, 128, 4):
            table = [0] * 16
            for nibble in range(16):
                for bit in range(4):
                    if nibble & (8 >> bit):
                        table[nibble] ^= multiples[position + bit]
            self._tables.append(table)

    def digest(self, ciphertext):
        y = 0
        blocks = [ciphertext[i : i + 16].ljust(16, b"\0") for i in range(0, len(ciphertext), 16)]
        blocks.append((8 * len(ciphertext)).to_bytes(16, "big"))
        for block in blocks:
            y ^= int.from_bytes(block, "big")
            product = 0
            for i, table in enumerate(self._tables):
                product ^= table[y >> (124 - 4 * i) & 15]
            y = product
        return y.to_bytes(16, "big")


class AesGcm:
    """AES-256-GCM with 12-byte nonces, 16-byte tags and no additional data."""

    def __init__(self, key):
        self._aes = Aes256(key)
        self._ghash = _Ghash(int.from_bytes(self._aes.encrypt_block(bytes(16)), "big"))

    def _ctr(self, nonce, data):
        stream = b"".join(
            self._aes.encrypt_block(nonce + (2 + i).to_bytes(4, "big")) for i in range((len(data) + 15) // 16)
        )
        return bytes(a ^ b for a, b in zip(data, stream))

    def _tag(self, nonce, ciphertext):
        mask = self._aes.encrypt_block(nonce + (1).to_bytes(4, "big"))
        return bytes(a ^ b for a, b in zip(self._ghash.digest(ciphertext), mask))

    def seal(self, nonce, plaintext):
        ciphertext = self._ctr(nonce, plaintext)
        return ciphertext + self._tag(nonce, ciphertext)

    def open(self, nonce, sealed):
        """The plaintext, or None when the tag is wrong."""
        ciphertext, tag = sealed[:-16], sealed[-16:]
        if not hmac.compare_digest(tag, self._tag(nonce, ciphertext)):
            return None
        return self._ctr(nonce, ciphertext)


def self_check():
    """Test cases 13, 14 and 15 of the GCM specification (256-bit keys)."""
    zero = AesGcm(bytes(32))
    assert zero.seal(bytes(12), b"").hex() == "530f8afbc74536b9a963b4f1c4cb738b"
    assert zero.seal(bytes(12), bytes(16)).hex() == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    )
    sealed = AesGcm(key).seal(bytes.fromhex("cafebabefacedbaddecaf888"), plaintext)
    assert sealed[-16:].hex() == "b094dac5d93471bdec1a502270e3cc6c"
