"""The same rows as Parquet in every encoding, page version and codec that pyarrow writes, for the readers' tests.

    python make_parquet.py     # writes ../../fixtures/data/parquet/*.parquet and rows.json
"""

import itertools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parents[2] / "fixtures" / "data" / "parquet"
out.mkdir(parents=True, exist_ok=True)
ROWS = 80
rows = [
    {
        "id": i * 37 - 500,
        "count": i % 11,
        "text": None if i % 9 == 4 else f'text {i // 3}, "größer" 文' * (1 + i % 3),
        "label": ["yes", "no", "perhaps"][i * i % 3],
        "even": None if i % 13 == 5 else i % 2 == 0,
        "quarter": i / 4 + 0.125,
        "tags": None if i % 10 == 9 else [["a", "b", "c"][j] for j in range(i % 4)],
        "meta": {"x": i, "y": None if i % 5 == 0 else f"q{i}"},
    }
    for i in range(ROWS)
]
schema = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("count", pa.int32()),
        ("text", pa.string()),
        ("label", pa.string()),
        ("even", pa.bool_()),
        ("quarter", pa.float64()),
        ("tags", pa.list_(pa.string())),
        ("meta", pa.struct([("x", pa.int32()), ("y", pa.string())])),
    ]
)
table = pa.Table.from_pylist(rows, schema=schema)


def write(name, **settings):
    pq.write_table(
        table, out / f"{name}.parquet", data_page_size=700, row_group_size=50, **settings
    )


delta = {
    "id": "DELTA_BINARY_PACKED",
    "count": "DELTA_BINARY_PACKED",
    "text": "DELTA_BYTE_ARRAY",
    "label": "DELTA_LENGTH_BYTE_ARRAY",
    "even": "RLE",
    "quarter": "BYTE_STREAM_SPLIT",
}
for version, codec in itertools.product(("1.0", "2.0"), ("none", "snappy", "zstd")):
    write(f"dictionary-{version[0]}-{codec}", data_page_version=version, compression=codec)
for codec in ("gzip", "brotli", "lz4"):
    write(f"dictionary-1-{codec}", compression=codec)
write("dictionary-1-checksum", compression="none", write_page_checksum=True)
for version in ("1.0", "2.0"):
    write(f"plain-{version[0]}-none", data_page_version=version, use_dictionary=False, compression="none")
    write(
        f"delta-{version[0]}-none",
        data_page_version=version,
        use_dictionary=False,
        column_encoding=delta,
        compression="none",
    )


def cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, list):
        return "|".join(map(cell, value)) if value else "[]"
    return str(value)


cells = [
    [cell(row[name]) for name in ("id", "count", "text", "label", "even", "quarter", "tags")]
    + [cell(row["meta"]["x"]), cell(row["meta"]["y"])]
    for row in rows
]
names = ["id", "count", "text", "label", "even", "quarter", "tags", "meta.x", "meta.y"]
(out / "rows.json").write_text(json.dumps({"names": names, "rows": cells}, ensure_ascii=False))
