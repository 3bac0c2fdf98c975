"""ASC X12 837P claims (005010X222A1): envelope, provider, subscriber, claim and a service line; notes fill it up to its size."""

from __future__ import annotations

ROWS = ("claim_837", "claim_837_clinic")
NOTE = "NTE*ADD*"
MOST_NOTE = 80
"""Characters of one NTE02."""


def _segments(name: str, notes: list[str]) -> list[str]:
    control = f"{int(name[:8], 16) % 10**9:09d}" if name[:8].isalnum() and _hexadecimal(name[:8]) else "000000001"
    claim = name[:20].upper()
    transaction = [
        f"ST*837*{control[-4:]}*005010X222A1", f"BHT*0019*00*{claim}*20300107*0800*CH", "NM1*41*2*INVENTED HOSPITAL*****46*999999999",
        "PER*IC*OFFICE*TE*5550100", "NM1*40*2*INVENTED PAYER*****46*888888888", "HL*1**20*1",
        "NM1*85*2*INVENTED HOSPITAL*****XX*1999999984", "N3*1 INVENTED STREET", "N4*NOWHERE*MA*01000", "REF*EI*999999999", "HL*2*1*22*0",
        "SBR*P*18*******CI", f"NM1*IL*1*{claim}*PATIENT****MI*{claim}", "DMG*D8*19700101*U", "NM1*PR*2*INVENTED PAYER*****PI*888888888",
        f"CLM*{claim}*180***11:B:1*Y*A*Y*Y", "HI*ABK:Z0000", *(f"{NOTE}{note}" for note in notes), "LX*1", "SV1*HC:99213*180*UN*1***1",
        "DTP*472*D8*20300107",
    ]  # fmt: skip
    transaction.append(f"SE*{len(transaction) + 1}*{control[-4:]}")
    head = [
        f"ISA*00*          *00*          *ZZ*{'SENDER':<15}*ZZ*{'RECEIVER':<15}*300107*0800*^*00501*{control}*0*T*:",
        f"GS*HC*SENDER*RECEIVER*20300107*0800*{int(control)}*X*005010X222A1",
    ]
    return [*head, *transaction, f"GE*1*{int(control)}", f"IEA*1*{control}"]


def _hexadecimal(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)


def x12(row: str, name: str, size_bytes: int) -> bytes | None:
    """An interchange of exactly that size; None where the row is no claim or the size is too small."""
    if row not in ROWS:
        return None
    notes: list[str] = []
    written = _written(name, notes)
    while len(written) < size_bytes:
        room = size_bytes - len(written) - len(NOTE) - 1
        notes.append("X" * max(1, min(MOST_NOTE, room)))
        written = _written(name, notes)
    while len(written) > size_bytes and notes:  # the count of segments may have grown by a digit, or a note was one too many
        over = len(written) - size_bytes
        place = next((place for place, note in enumerate(notes) if len(note) > 1), -1)
        if place < 0:
            return None
        notes[place] = notes[place][: max(1, len(notes[place]) - over)]
        written = _written(name, notes)
    return written if len(written) == size_bytes else None


def _written(name: str, notes: list[str]) -> bytes:
    return "".join(f"{segment}~" for segment in _segments(name, notes)).encode("ascii")
