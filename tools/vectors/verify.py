"""Checks every file of vectors/ with the second implementation: `python3 tools/vectors/verify.py`. Needs Python 3.8.

What is in vectors/open must open, and come out byte for byte from its keys, passphrase and salts; what is in vectors/refuse must be
refused with its code.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True  # nothing but source in this folder

import aes_gcm  # noqa: E402
import waxseal_record as waxseal  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "vectors"


def unhex(text):
    return bytes.fromhex(text)


def reader_of(vector):
    """The root keys and the passphrase that the reader has."""
    passphrase = dict(vector.get("passphrase", {}))
    if "salt" in passphrase:
        passphrase["salt"] = unhex(passphrase["salt"])
    return [unhex(key) for key in vector["rootKeys"]], waxseal.Passphrase(**passphrase) if passphrase else None


def check_open(vector):
    root_keys, passphrase = reader_of(vector)
    record, contexts = unhex(vector["record"]), (vector["encryptionContext"], vector["recordContext"])
    opened = (vector["content"], unhex(vector["plaintext"]))
    if waxseal.open_record(record, root_keys, passphrase, *contexts) != opened:
        return "opens as something else"
    if waxseal.from_text(waxseal.to_text(record)) != record:
        return "does not survive its text form"
    wrapped_keys = []
    for source in vector["wrappedKeys"]:
        if source["keyring"] == "aws-kms":
            wrapped_keys.append((waxseal.AWS_KMS, source["kid"], unhex(source["wrapped"])))
            continue
        inputs = unhex(source["salt"]), unhex(vector["dataKey"]), contexts[0]
        if source["keyring"] == "passphrase":
            wrapped_keys.append((waxseal.PASSPHRASE, passphrase.kid, passphrase.wrap(*inputs)))
        else:
            root_key = root_keys[source["rootKey"]]
            wrapped_keys.append((waxseal.LOCAL, waxseal.local_kid(root_key), waxseal.wrap(root_key, *inputs)))
    data_key, salt = unhex(vector["dataKey"]), unhex(vector["salt"])
    made = waxseal.seal_record(vector["content"], wrapped_keys, data_key, salt, contexts[1], opened[1])
    return None if made == record else "is not what its inputs make"


def check_refuse(vector):
    reader = reader_of(vector)
    try:
        record = waxseal.from_text(vector["text"]) if "text" in vector else unhex(vector["record"])
        waxseal.open_record(record, *reader, vector["encryptionContext"], vector["recordContext"])
    except waxseal.Refused as refused:
        return None if refused.code == vector["error"] else "is refused with " + refused.code
    return "opens"


def main():
    aes_gcm.self_check()
    failures, counts = [], []
    for kind, check in (("open", check_open), ("refuse", check_refuse)):
        files = sorted((FOLDER / kind).glob("*.json"))
        counts.append(len(files))
        for file in files:
            try:
                fault = check(json.loads(file.read_text("utf-8")))
            except waxseal.Refused as refused:
                fault = "is refused with " + refused.code
            if fault:
                failures.append(f"{kind}/{file.name} {fault}")
    for failure in failures:
        print(failure)
    print(f"{counts[0]} records open and come out the same, {counts[1]} are refused; {len(failures)} failures")
    return 1 if failures or 0 in counts else 0


if __name__ == "__main__":
    sys.exit(main())
