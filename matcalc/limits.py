"""The limits of what is read: each is counted in the text, named in its error, and raised by `--limit NAME=VALUE`."""

from __future__ import annotations

from .errors import DomainError, Fix, LimitError, Span, nearest

DEFAULTS = {"text": 65_536, "tokens": 10_000, "depth": 200, "dimension": 1_000_000, "exponent": 64, "digits": 300, "terms": 64}
UNITS = {
    "text": "bytes of text",
    "tokens": "words and signs",
    "depth": "levels of nesting",
    "dimension": "as a dimension",
    "exponent": "as an exponent",
    "digits": "digits of a number",
    "terms": "terms of a dimension",
}
HIGHEST = 10**12  # a limit is not raised further
MOST_DIGITS = 100_000  # nor this one: exact arithmetic on longer numbers takes minutes


class Limits:
    """How much is read: UTF-8 bytes, tokens, depth, literal dimensions, typed exponents, digits of a number, terms of a dimension."""

    __slots__ = ("text", "tokens", "depth", "dimension", "exponent", "digits", "terms")

    def __init__(
        self,
        text: int = DEFAULTS["text"],
        tokens: int = DEFAULTS["tokens"],
        depth: int = DEFAULTS["depth"],
        dimension: int = DEFAULTS["dimension"],
        exponent: int = DEFAULTS["exponent"],
        digits: int = DEFAULTS["digits"],
        terms: int = DEFAULTS["terms"],
    ) -> None:
        self.text, self.tokens, self.depth = text, tokens, depth
        self.dimension, self.exponent, self.digits, self.terms = dimension, exponent, digits, terms

    @classmethod
    def of(cls, settings: list[str] | tuple[str, ...]) -> Limits:
        """From `["depth=400", "tokens=20000"]`, as the command line has them."""
        limits = cls()
        for setting in settings:
            name, _, value = setting.partition("=")
            name = name.strip()
            if name not in DEFAULTS:
                hint = nearest(name, set(DEFAULTS))
                meant = [("limit", f"{hint}={value.strip() or DEFAULTS[hint]}")] if hint else []
                raise DomainError(
                    f"there is no limit called '{name}'",
                    detail=f"limits: {', '.join(DEFAULTS)}",
                    fixes=[Fix(options=(("limit", f"{name}="), *meant))],
                )
            number = value.strip().replace("_", "").replace(",", "")
            if not (number.isascii() and number.isdigit() and len(number) < 13):
                raise DomainError(
                    f"the limit {name} is not a number: '{value.strip()}'", fixes=[Fix(options=(("limit", f"{name}={DEFAULTS[name]}"),))]
                )
            setattr(limits, name, int(number))
        return limits

    def exceeded(self, name: str, found: str, needed: int, *spans: Span) -> LimitError:
        """The error for a limit that was met; `found` says what was met, `needed` is a value that would do."""
        limit: int = getattr(self, name)
        detail = f"the limit is {limit:,} {UNITS[name]}; --limit {name}="
        if needed > (MOST_DIGITS if name == "digits" else HIGHEST):
            return LimitError(found, *spans, detail=detail + "NUMBER raises it, but not as far as this")
        return LimitError(found, *spans, detail=f"{detail}{needed} raises it", fixes=[Fix(options=(("limit", f"{name}={needed}"),))])


PRINTED = Limits(**dict.fromkeys(DEFAULTS, 10 ** 4000))  # the limits of input are not those of what matcalc prints itself
