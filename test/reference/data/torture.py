"""Files that break readers of delimited text, and what DuckDB's reader says of them.

    python torture.py > torture.json      # duckdb 2.0

Every file is read with its delimiter given, all cells as text, and the first row as a header; `null` cells of
DuckDB (empty, unquoted) are written as "". Where DuckDB refuses the file, its first line of words is kept.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import duckdb

FILES: dict[str, tuple[bytes, str]] = {
    "quotes": (b'text,label\n"a, ""b""",x\n"c\nd",y\n"",x\ne,y\n', ","),
    "quote in a plain cell": (b'text,label\na "b" c,x\nd,y\n', ","),
    "spaces around quotes": (b'text,label\n"a" ,x\n"b",y\n', ","),
    "text after a closing quote": (b'text,label\n"a" b,x\nc,y\n', ","),
    "unclosed quote": (b'text,label\na,x\n"b,y\nc,x\nd,y\n', ","),
    "lone CR": (b"text,label\ra,x\rb,y\r", ","),
    "CRLF": (b"text,label\r\na,x\r\nb,y\r\n", ","),
    "CRLF, CR and LF": (b"text,label\r\na,x\nb,y\rc,x\r\n", ","),
    "line breaks within quotes": (b'text,label\r\n"a\r\nb\rc\nd",x\r\ne,y\r\n', ","),
    "embedded NUL": (b"text,label\nlong enough a text \x00 with a hole,x\nb,y\n", ","),
    "short rows": (b"text,label,more\na,x\nb,y,z\nc\n", ","),
    "long rows": (b"text,label\na,x\nb,c,y\nd,y\n", ","),
    "empty cells at the end": (b"text,label\na,x,\nb,y,,\nc,x\n", ","),
    "blank lines": (b"\n\ntext,label\n\na,x\n\n\nb,y\n\n", ","),
    "no line break at the end": (b"text,label\na,x\nb,y", ","),
    "UTF-8 mark": ("\ufefftext,label\nä,x\nb,y\n".encode(), ","),
    "UTF-16 with a mark": ("text,label\nä,x\nb,y\n".encode("utf-16"), ","),
    "UTF-16 without a mark": ("text,label\nä,x\nb,y\n".encode("utf-16-le"), ","),
    "Windows-1252": ("text,label\ncafé €,x\nb,y\n".encode("cp1252"), ","),
    "semicolons": (b'text;label\n"a;b";x\nc, d;y\n', ";"),
    "bars": (b"text|label\na, b|x\nc|y\n", "|"),
    "tabs and plain quotes": (b'text\tlabel\n"a" b\tx\n"c\ty\nd\tx\n', "\t"),
    "header only": (b"text,label\n", ","),
    "empty": (b"", ","),
    "only line breaks": (b"\n\r\n\n", ","),
    "twice the same name": (b"text,text,label\na,b,x\nc,d,y\n", ","),
}


def read(path: Path, delimiter: str) -> dict:
    connection = duckdb.connect()
    try:
        found = connection.execute(
            "select * from read_csv(?, delim=?, header=true, all_varchar=true, quote='\"', escape='\"')",
            [str(path), delimiter],
        )
        names = [column[0] for column in found.description]
        rows = [["" if cell is None else cell for cell in row] for row in found.fetchall()]
        return {"columns": names, "rows": rows}
    except Exception as error:  # what it refuses is part of the comparison
        return {"error": str(error).splitlines()[0].replace(str(path), "FILE")[:200]}


def main() -> None:
    golden = {"duckdb": duckdb.__version__, "files": []}
    with tempfile.TemporaryDirectory() as folder:
        for name, (content, delimiter) in FILES.items():
            path = Path(folder) / "file.csv"
            path.write_bytes(content)
            golden["files"].append(
                {
                    "name": name,
                    "delimiter": delimiter,
                    "base64": base64.b64encode(content).decode(),
                    "duckdb": read(path, delimiter),
                }
            )
    json.dump(golden, sys.stdout, ensure_ascii=False, indent=1)
    print()


main()
