"""Assertions that show what was seen and what was expected."""


class Mismatch(AssertionError):
    """Something is not as the scenario says it must be."""


class Touched(Mismatch):
    """A disk was written to, or is no longer what it was."""


def check(what: str, seen: object, expected: object) -> None:
    if seen != expected:
        raise Mismatch(f"{what}: seen {seen!r}, expected {expected!r}")


def check_in(what: str, part: str, whole: str) -> None:
    if part not in whole:
        raise Mismatch(f"{what}: {part!r} is not in {whole!r}")
