"""Equations, written once in a small part of Typst's mathematics, as MathML for the page."""

import re
from html import escape

TOKEN = re.compile(r'\s*(?:("[^"]*")|([A-Za-z]+)|(\d+(?:\.\d+)?)|(\S))')

# Words of Typst's mathematics and what they stand for.
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ", "phi": "φ", "psi": "ψ", "sigma": "σ", "theta": "θ",
    "epsilon": "ε", "nabla": "∇", "EE": "𝔼",
}  # fmt: skip
OPERATORS = {"quad": "\u2003", "dot": "·", "times": "×", "approx": "≈", "in": "∈", "parallel": "∥"}
FUNCTIONS = ("log", "max", "min", "exp")
CLOSING = {"(": ")", "[": "]"}


def mathml(source):
    """Return the equation `source` as a MathML element.

    Read are letters, numbers, "words in quotes", Greek letters and operators by name, scripts (_ and ^), and the
    functions hat, norm, cal and frac. Raises `ValueError` for anything else: the equations are the package's own.
    """
    reader = _Reader(source)
    content = reader.sequence(())
    return f'<math display="block"><mrow>{content}</mrow></math>'


class _Reader:
    def __init__(self, source):
        self.tokens = [match.group(match.lastindex) for match in TOKEN.finditer(source)]
        self.position = 0

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self, expected=None):
        token = self.peek()
        if token is None or (expected and token != expected):
            raise ValueError(f"expected {expected or 'more'}, found {token}")
        self.position += 1
        return token

    def sequence(self, ends):
        """Return everything up to one of the tokens `ends`, or to the end."""
        parts = []
        while self.peek() is not None and self.peek() not in ends:
            parts.append(self.with_scripts())
        return "".join(parts)

    def with_scripts(self):
        base, scripts = self.atom(), {}
        while self.peek() in ("_", "^"):
            kind = self.take()
            scripts[kind] = self.script()
        if len(scripts) == 2:
            return f"<msubsup>{base}{scripts['_']}{scripts['^']}</msubsup>"
        if scripts:
            tag = "msub" if "_" in scripts else "msup"
            return f"<{tag}>{base}{''.join(scripts.values())}</{tag}>"
        return base

    def script(self):
        if self.peek() != "(":
            return self.atom()
        return f"<mrow>{self.argument()}</mrow>"

    def argument(self):
        """Return what stands in the brackets that come next."""
        self.take("(")
        content = self.sequence((")",))
        self.take(")")
        return content

    def atom(self):
        token = self.take()
        if token.startswith('"'):
            return f"<mtext>{escape(token[1:-1])}</mtext>"
        if token == "hat":
            return f'<mover accent="true"><mrow>{self.argument()}</mrow><mo>^</mo></mover>'
        if token == "norm":
            return f"<mrow><mo>‖</mo>{self.argument()}<mo>‖</mo></mrow>"
        if token == "cal":
            letter = self.argument()
            return letter.replace(">L<", ">ℒ<").replace(">N<", ">𝒩<")
        if token == "frac":
            self.take("(")
            above = self.sequence((",",))
            self.take(",")
            below = self.sequence((")",))
            self.take(")")
            return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"
        if token in CLOSING:
            content = self.sequence((CLOSING[token],))
            return f"<mrow><mo>{token}</mo>{content}<mo>{self.take(CLOSING[token])}</mo></mrow>"
        return _symbol(token)


def _symbol(token):
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token in LETTERS:
        return f"<mi>{LETTERS[token]}</mi>"
    if token in FUNCTIONS:
        return f"<mi>{token}</mi><mo>&#8289;</mo>"
    if token.isalpha() and len(token) == 1:
        return f"<mi>{token}</mi>"
    if token in OPERATORS or token in "+-=,;<>|":
        return f"<mo>{escape(OPERATORS.get(token, token).replace('-', '−'))}</mo>"
    raise ValueError(f"no symbol {token!r}")
