"""RFC 4343: names are equal whatever the case of their ASCII letters, and come back as asked."""

from __future__ import annotations

import dns.message
import dns.name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_case_gets_the_same_answer_and_its_own_question(world, data) -> None:
    name = "www.static-x.dynamic.example.com"
    mixed = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in name)
    response = world.ask(mixed)
    assert response.question[0].name.to_text() == mixed + "."
    assert response.answer[0].name.to_text() == mixed + "."
    assert str(response.answer[0][0]) == "192.0.2.104"


def test_only_ascii_letters_have_case(world) -> None:
    """§3: octets above 127 are what they are, and [ is not {."""
    for label in (b"\xc0", b"\xe0", b"[", b"{", b"@", b"`"):
        name = dns.name.Name([label, b"dynamic", b"example", b"com", b""])
        query = dns.message.make_query(name, "A").to_wire()
        response = world.send(query)
        assert response[12 : 12 + len(name.to_wire())] == name.to_wire()
