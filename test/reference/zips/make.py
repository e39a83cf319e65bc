"""Writes small zips as other programs make them, for test/unit/models/zip-read.test.ts: Python's own zipfile.

    python3 test/reference/zips/make.py

Each holds the same two texts. `zip64` has its sizes and places in the 64-bit fields, `streamed` its sizes after the
content (as a pipe must), `encrypted` the flag of a password (its content is not), `link` a symbolic link.
"""
import io
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent
TEXTS = {"model/config.json": '{"model_type": "bert"}' * 40, "model/read me.txt": "hello, zip\n"}


class Pipe(io.RawIOBase):
    """A target that cannot seek."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()


def write(name, target=None, compression=zipfile.ZIP_STORED, force=False):
    with zipfile.ZipFile(target or FOLDER / f"{name}.zip", "w", compression) as archive:
        for path, text in TEXTS.items():
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=force) as entry:
                entry.write(text.encode())


write("stored")
write("deflated", compression=zipfile.ZIP_DEFLATED)
write("bzip2", compression=zipfile.ZIP_BZIP2)
write("lzma", compression=zipfile.ZIP_LZMA)
write("streamed", target=Pipe(FOLDER / "streamed.zip"), compression=zipfile.ZIP_DEFLATED)

# zipfile writes 64-bit fields into the directory only beyond 4 GB: with the limits lowered it does so here.
zipfile.ZIP64_LIMIT = 10
zipfile.ZIP_FILECOUNT_LIMIT = 1
write("zip64", force=True)
zipfile.ZIP64_LIMIT = (1 << 31) - 1
zipfile.ZIP_FILECOUNT_LIMIT = (1 << 16) - 1
# And its end's record says that all stands in the 64-bit one.
bytes_ = bytearray((FOLDER / "zip64.zip").read_bytes())
bytes_[-12:-2] = b"\xff" * 10
bytes_[-14:-10] = b"\xff" * 4
(FOLDER / "zip64.zip").write_bytes(bytes_)

bytes_ = bytearray((FOLDER / "stored.zip").read_bytes())
for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
    bytes_[bytes_.index(signature) + flags] |= 1
(FOLDER / "encrypted.zip").write_bytes(bytes_)

with zipfile.ZipFile(FOLDER / "link.zip", "w") as archive:
    info = zipfile.ZipInfo("model/config.json", (1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "../blobs/1234")
