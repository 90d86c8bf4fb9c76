"""Every rule of the language, as programs with the expected message on the line."""

from __future__ import annotations

import pytest

from tests.language.chunks import Chunk, chunks, problems


@pytest.mark.parametrize("chunk", chunks(), ids=lambda chunk: chunk.name)
def test_chunk_gets_exactly_the_messages_on_its_lines(chunk: Chunk) -> None:
    assert problems(chunk) == []


@pytest.mark.parametrize("chunk", [c for c in chunks() if c.is_twin], ids=lambda chunk: chunk.name)
def test_twin_of_a_refused_program_is_accepted(chunk: Chunk) -> None:
    assert chunk.expected == ()
