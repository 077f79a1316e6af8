"""Names from elsewhere read as they are: no HTML, no link, no further row."""

from __future__ import annotations

import pytest

from paretoprune.pick.card.markdown import as_code, as_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer1.0.conv1", "layer1.0.conv1"),
        ("features_0", "features_0"),
        ("cats and dogs (both)", "cats and dogs (both)"),
        ("_own_", r"\_own\_"),
        ("a|b", r"a\|b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[x](http://y)", r"\[x\](http\://y)"),
        ("*a* `b` ~c~ $d$ &lt;", r"\*a\* \`b\` \~c\~ \$d\$ \&lt;"),
        ("a\n\n# b\r| c |\x1b[31m", r"a # b \| c \| \[31m"),
        ("back\\slash", r"back\\slash"),
        ("www.x.y", r"www\.x.y"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert as_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my.Net", "`my.Net`"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        ("a|b\n# c", r"`a\|b # c`"),
        ("", "` `"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert as_code(text) == expected
