"""The files that a list is exported to, written part by part: CSV, JSON lines, and a workbook of XLSX."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from adminsite._http.export import csv_header, csv_rows
from adminsite.fields import RelationField
from adminsite.markup import plain

from app.platform.admin.figures import IN_FILE

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold
MOST_DIGITS = 15  # of a number in a spreadsheet; a longer one would be rounded
MOST_ROWS = 1_048_576  # of a sheet
MOST_CHARACTERS = 32_767  # of a cell
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGED = "http://schemas.openxmlformats.org/package/2006"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
MADE_OF = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class CsvFile:
    """Values as the list shows them; what a spreadsheet would run as a formula begins with an apostrophe."""

    media_type: ClassVar[str] = "text/csv; charset=utf-8"

    def __init__(self, view: "ModelAdmin[Any]", paths: Sequence[str]) -> None:
        self.view = view
        self.paths = paths

    def begin(self) -> bytes:
        """The heading."""
        return csv_header(self.view, self.paths).encode()

    def rows(self, records: Sequence[Any]) -> bytes:
        """A line a record, more where a value has several."""
        IN_FILE.set(True)  # of the thread that writes it
        return csv_rows(self.view, records, self.paths).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


class JsonLines(CsvFile):
    """An object a line, values as the API would tell them: numbers, ISO dates; a linked record as it is called."""

    media_type: ClassVar[str] = "application/x-ndjson"

    def begin(self) -> bytes:
        """Nothing: each line names its fields."""
        return b""

    def rows(self, records: Sequence[Any]) -> bytes:
        """A line a record."""
        lines = ({path: self._value(record, path) for path in self.paths} for record in records)
        return b"".join(msgspec.json.encode(line, enc_hook=str) + b"\n" for line in lines)

    def _value(self, record: Any, path: str) -> Any:
        fields = self.view._fields
        if isinstance(fields.field_for(path), RelationField) or "." in path or not fields.field_for(path).stored:
            return plain(fields.display(record, path)) or None
        return fields.value_at(record, path)


class Workbook(CsvFile):
    """A zip of XML that is written from front to back: libraries either hold it in memory, or send it when it is whole.

    Numbers are numbers and everything else is text, which no program runs as a formula.
    """

    media_type: ClassVar[str] = f"{MADE_OF}.sheet"

    def __init__(self, view: "ModelAdmin[Any]", paths: Sequence[str]) -> None:
        super().__init__(view, paths)
        self._sent = _Sent()
        self._zip = ZipFile(cast("IO[bytes]", self._sent), "w", ZIP_DEFLATED, compresslevel=1)
        self._sheets = 0
        self._written = 0

    def begin(self) -> bytes:
        """The first sheet's heading."""
        self._open_sheet()
        return self._sent.taken()

    def rows(self, records: Sequence[Any]) -> bytes:
        """A row a record; what does not fit on a sheet is on the next one."""
        for record in records:
            if self._written == MOST_ROWS:
                self._close_sheet()
                self._open_sheet()
            self._write(self._cell(record, path) for path in self.paths)
        return self._sent.taken()

    def end(self) -> bytes:
        """What says which sheets there are."""
        self._close_sheet()
        for name, body in _parts(self._sheets, self.view.label_plural):
            self._zip.writestr(name, f"{XML}{body}")
        self._zip.close()
        return self._sent.taken()

    def _open_sheet(self) -> None:
        self._sheets += 1
        self._written = 0
        self._sheet = self._zip.open(self._named(), "w", force_zip64=True)
        self._sheet.write(f'{XML}<worksheet xmlns="{SHEET}"><sheetData>'.encode())
        self._write(_text(self.view._fields.label_for(path)) for path in self.paths)

    def _named(self) -> ZipInfo:
        info = ZipInfo(f"xl/worksheets/sheet{self._sheets}.xml")
        info.compress_type = ZIP_DEFLATED
        return info

    def _close_sheet(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()

    def _write(self, cells: Iterator[str]) -> None:
        self._sheet.write(f"<row>{''.join(cells)}</row>".encode())
        self._written += 1

    def _cell(self, record: Any, path: str) -> str:
        fields = self.view._fields
        field = fields.field_for(path)
        value = fields.value_at(record, path) if field.stored and "." not in path else None
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and _fits(value):
            return f"<c><v>{value}</v></c>"
        return _text(plain(fields.display(record, path)) or field.empty_text)


def _fits(value: float | Decimal) -> bool:
    return Decimal(value).is_finite() and len(Decimal(str(value)).as_tuple().digits) <= MOST_DIGITS


def _text(value: str) -> str:
    kept = escape(UNWRITABLE.sub("", value)[:MOST_CHARACTERS])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{kept}</t></is></c>'


class _Sent:
    """Where the zip is written to: what it writes is sent on, and cannot be come back to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """It is not kept back."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _parts(sheets: int, title: str) -> Iterator[tuple[str, str]]:
    """The rest of the package: what types its parts have, and how they belong together."""
    numbers = range(1, sheets + 1)
    name = re.sub(r"[\[\]:*?/\\']", " ", title)[:25]
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    types = f'<Default Extension="rels" ContentType="{rels}"/>'
    types += f'<Override PartName="/xl/workbook.xml" ContentType="{MADE_OF}.sheet.main+xml"/>'
    for n in numbers:
        types += f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{MADE_OF}.worksheet+xml"/>'
    yield "[Content_Types].xml", f'<Types xmlns="{PACKAGED}/content-types">{types}</Types>'
    book = f'<Relationship Id="rId1" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/>'
    yield "_rels/.rels", f'<Relationships xmlns="{PACKAGED}/relationships">{book}</Relationships>'
    shown = "".join(f'<sheet name="{escape(name)} {n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    yield "xl/workbook.xml", f'<workbook xmlns="{SHEET}" xmlns:r="{RELATED}"><sheets>{shown}</sheets></workbook>'
    kept = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATED}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    yield "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGED}/relationships">{kept}</Relationships>'
