"""Small Parquet and Excel files for the readers' tests, written by DuckDB and openpyxl.

    python make_readers.py     # writes ../../fixtures/data/*.{parquet,xlsx}
"""

import datetime
from pathlib import Path

import duckdb
import openpyxl

out = Path(__file__).parents[2] / "fixtures" / "data"
out.mkdir(parents=True, exist_ok=True)
con = duckdb.connect()
con.execute(
    """create table t as select
        i as id,
        case when i % 7 = 0 then null else 'text ' || i || ', "größer" 文' end as text,
        case when i % 3 = 0 then [] when i % 3 = 1 then ['a'] else ['a', 'b'] end as labels,
        {'x': i, 'y': 'q' || i} as meta,
        date '2024-01-02' + i::integer as day,
        i / 4.0 as quarter,
        9007199254740993 + i as big,
        i % 2 = 0 as even
    from range(50) r(i)"""
)
for codec in ("snappy", "zstd", "gzip", "uncompressed"):
    con.execute(
        f"copy t to '{out}/small-{codec}.parquet' (format parquet, compression {codec})"
    )
book = openpyxl.Workbook()
book.active.title = "notes"
sheet = book.create_sheet("data")
sheet.append(["text", "label", "when", "number"])
sheet.append(["hello, \"you\"", "x", datetime.datetime(2024, 1, 2, 3, 4, 5), 1.5])
sheet.append([" two\nlines ", "y", datetime.date(2024, 5, 6), True])
sheet.append([None, None, None, None])
sheet.append(["größer 文", "x", None, 12])
other = book.create_sheet("more")
other.append(["text", "label"])
other.append(["another sheet", "z"])
book.save(out / "small.xlsx")
