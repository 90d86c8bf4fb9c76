"""Spoiled programs: good ones with some lines dropped, doubled, swapped, cut or with a word out of place."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

WORDS = (
    *"skb ctx queue flow DROP QUEUED None True if else while for in return not and or".split(),  # noqa: SIM905
    *"( ) [ ] { } : , . = == < + - * // % << -> := @ ; # \\".split(),  # noqa: SIM905
    *(
        "\n",
        "\n    ",
        "\n        ",
        '"',
        '"""',
        "'",
        "0",
        "1",
        "9" * 30,
        "0x",
        "1.5",
        "f'",
        "\t",
        "\u00e9",
        "\0",
    ),
    *"q.push(skb,0) q.pop() lambda yield import del await match case async with try".split(),  # noqa: SIM905
)
ACTIONS = ("drop", "double", "swap", "insert", "cut", "replace")


@st.composite
def spoiled(draw: st.DrawFn, texts: Sequence[str], words: Sequence[str] = WORDS) -> str:
    """Return one of `texts` after one to four changes."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        word = draw(st.sampled_from(words))
        place = draw(st.integers(0, len(lines[at])))
        match draw(st.sampled_from(ACTIONS)):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(other, lines[at])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "insert":
                lines[at] = lines[at][:place] + word + lines[at][place:]
            case "cut":
                lines[at] = lines[at][:place]
            case "replace":
                parts = lines[at].split(" ")
                parts[draw(st.integers(0, len(parts) - 1))] = word
                lines[at] = " ".join(parts)
        text = "\n".join(lines) or "\n"
    return text
