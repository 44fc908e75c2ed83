"""Version 1 by a second implementation, in Python 3.8 without any library: `python3 tools/vectors/version1.py COMMAND`.

verify   checks every file of vectors/version1; the default
make     writes the files that are not there yet, and verifies
seal     encrypts: a line of JSON { format, plaintext, secret | dataKey, wrapped } in, the text or the item's fields out
open     decrypts: a line of JSON { format, text, secret | item, dataKey } in, the plaintext out

Byte strings are hexadecimal. What seal and open read comes from standard input.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True  # nothing but source in this folder

import aes_gcm  # noqa: E402
import version1_format as version1  # noqa: E402
import version1_scenarios as scenarios  # noqa: E402
from waxseal_record import Refused  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "version1"


def unhex(text):
    return bytes.fromhex(text)


def open_vector(vector):
    if vector["format"] == "text":
        value = unhex(vector["bytes"]) if "bytes" in vector else vector["text"]
        return version1.open_text(value, vector["secret"])
    # Like a key service that knows one blob.
    keys = {unhex(vector["wrapped"]): unhex(vector["dataKey"])}
    return version1.open_item(vector["item"], keys.get)


def check_open(vector):
    plaintext = unhex(vector["plaintext"])
    if open_vector(vector) != plaintext:
        return "opens as something else"
    if vector["format"] == "text":
        data = version1.unb64(vector["text"], 44, version1.MAX_DATA)
        same = version1.seal_text(vector["secret"], plaintext, data[:16], data[16:28]) == vector["text"]
    else:
        iv = version1.unb64(vector["item"]["iv"], 12, 12)
        fields = version1.seal_item(unhex(vector["dataKey"]), unhex(vector["wrapped"]), plaintext, iv)
        same = {**vector["item"], **fields} == vector["item"]
    return None if same else "is not what its inputs make"


def check_refuse(vector):
    try:
        open_vector(vector)
    except Refused as refused:
        return None if refused.code == vector["error"] else "is refused with " + refused.code
    return "opens"


def verify():
    aes_gcm.self_check()
    failures, counts = [], []
    for kind, check in (("open", check_open), ("refuse", check_refuse)):
        files = sorted((FOLDER / kind).glob("*.json"))
        counts.append(len(files))
        for file in files:
            try:
                fault = check(json.loads(file.read_text("utf-8")))
            except Refused as refused:
                fault = "is refused with " + refused.code
            if fault:
                failures.append(f"version1/{kind}/{file.name} {fault}")
    for failure in failures:
        print(failure)
    print(f"{counts[0]} of version 1 open and come out the same, {counts[1]} are refused; {len(failures)} failures")
    return 1 if failures or 0 in counts else 0


def make():
    for kind, vectors in (("open", scenarios.opened()), ("refuse", scenarios.refused())):
        (FOLDER / kind).mkdir(parents=True, exist_ok=True)
        for name, vector in vectors:
            file = FOLDER / kind / f"{name}.json"
            if not file.exists():
                file.write_text(json.dumps(vector, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return verify()


def seal_line(order):
    plaintext = unhex(order["plaintext"])
    if order["format"] == "text":
        return version1.seal_text(order["secret"], plaintext)
    return version1.seal_item(unhex(order["dataKey"]), unhex(order["wrapped"]), plaintext)


def open_line(order):
    if order["format"] == "text":
        return version1.open_text(order["text"], order["secret"]).hex()
    return version1.open_item(order["item"], lambda _: unhex(order["dataKey"])).hex()


def answer_lines(answer):
    aes_gcm.self_check()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
    return 0


COMMANDS = {
    "verify": verify,
    "make": make,
    "seal": lambda: answer_lines(seal_line),
    "open": lambda: answer_lines(open_line),
}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1] if len(sys.argv) > 1 else "verify"]())
