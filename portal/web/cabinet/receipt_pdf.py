"""A receipt on one sheet of A4."""

from __future__ import annotations

from datetime import datetime

from font_roboto import Roboto, RobotoBold
from fpdf import FPDF

from portal.presentation.receipt import Receipt

FONT = "Roboto"
MARGIN = 20.0  # millimetres, as everything here
AMOUNT = 45.0  # width of the column of sums
SMALL, NORMAL, LARGE = 9, 11, 18  # points
GREY, BLACK = (90, 90, 90), (0, 0, 0)


def pdf_of(receipt: Receipt, locale: str, at: datetime) -> bytes:
    """`at`: when it was written, which the file keeps."""
    page = FPDF(format="A4")
    page.set_title(receipt.title)
    page.set_lang(locale)
    page.set_creation_date(at)
    page.add_font(FONT, "", Roboto)
    page.add_font(FONT, "B", RobotoBold)
    page.set_margin(MARGIN)
    page.add_page()
    _text(page, receipt.title, LARGE, bold=True)
    page.ln(4)
    for label, told in receipt.facts:
        _text(page, label, SMALL, colour=GREY)
        _text(page, told, NORMAL)
        page.ln(1.5)
    page.ln(3)
    for line in receipt.lines:
        _rule(page)
        _row(page, line.name, line.amount, bold=True)
        _text(page, line.detail, SMALL, colour=GREY, width=page.epw - AMOUNT)
    _rule(page)
    _row(page, *receipt.total, bold=True)
    for label, amount in receipt.refunds:
        _row(page, label, amount)
    page.ln(6)
    _text(page, " ".join(receipt.why), SMALL)
    page.ln(4)
    _text(page, receipt.note, SMALL, colour=GREY)
    return bytes(page.output())


def _text(
    page: FPDF, told: str, size: int, *, bold: bool = False, colour: tuple[int, int, int] = BLACK, width: float = 0
) -> None:
    page.set_font(FONT, "B" if bold else "", size)
    page.set_text_color(*colour)
    page.multi_cell(width, size * 0.5, told, align="L", new_x="LMARGIN", new_y="NEXT")


def _row(page: FPDF, label: str, amount: str, *, bold: bool = False) -> None:
    """The sum stands beside the first line of its label, and is read after it."""
    page.set_font(FONT, "B" if bold else "", NORMAL)
    page.set_text_color(*BLACK)
    top = page.get_y()
    page.multi_cell(page.epw - AMOUNT, 7, label, align="L", new_x="LMARGIN", new_y="NEXT")
    below = page.get_y()
    page.set_xy(-MARGIN - AMOUNT, top)
    page.cell(AMOUNT, 7, amount, align="R")
    page.set_xy(MARGIN, below)


def _rule(page: FPDF) -> None:
    y = page.get_y() + 2
    page.set_draw_color(180, 180, 180)
    page.line(MARGIN, y, page.w - MARGIN, y)
    page.set_y(y + 2)
