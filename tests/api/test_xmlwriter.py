from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcheck.api.xmlwriter import encoded_name, to_xml

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
INSTANCE = ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'

CARRIER = {
    "Success": False,
    "ErrorMessage": 'a < b & "c"',
    "TableRight": {"Mask": "Select", "Reason": ""},
    "FieldProperties": {"Success": {"FieldType": "System.Boolean", "FieldLength": 0}},
}


def body(value: dict[str, Any]) -> str:
    return to_xml("R", value).removeprefix(f"{HEAD}<R{INSTANCE}>").removesuffix("</R>")


def test_a_carrier_has_its_base_members_first_and_its_dictionary_as_pairs() -> None:
    assert to_xml("SmtpTestResult", CARRIER) == (
        f"{HEAD}<SmtpTestResult{INSTANCE}>"
        "<TableRight><Mask>Select</Mask><Reason></Reason></TableRight>"
        "<FieldProperties><FieldPropertyDictionaryKeyValuePair><Key>Success</Key><Value>"
        "<FieldType>System.Boolean</FieldType><FieldLength>0</FieldLength></Value>"
        "</FieldPropertyDictionaryKeyValuePair></FieldProperties>"
        '<Success>false</Success><ErrorMessage>a &lt; b &amp; "c"</ErrorMessage></SmtpTestResult>'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, '<a i:nil="true"/>'),
        (True, "<a>true</a>"),
        (7, "<a>7</a>"),
        ("", "<a></a>"),
        ([1, None], '<a><Item>1</Item><Item i:nil="true"/></a>'),
        ("x\x00\x1b[31m\ud800\ufffey", "<a>x\ufffd\ufffd[31m\ufffd\ufffdy</a>"),
        ("a\r\nb\tc", "<a>a&#13;\nb\tc</a>"),
        ("]]></a>", "<a>]]&gt;&lt;/a&gt;</a>"),
    ],
)
def test_a_value_is_written_so_that_xml_holds_it(value: object, written: str) -> None:
    assert body({"a": value}) == written


@pytest.mark.parametrize(
    ("name", "encoded"),
    [("Name", "Name"), ("$select", "_x0024_select"), ("7bit", "_x0037_bit"), ("a b", "a_x0020_b")],
)
def test_a_name_that_xml_does_not_take_is_encoded(name: str, encoded: str) -> None:
    assert encoded_name(name) == encoded


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.none(), st.booleans(), st.integers())))
def test_any_answer_is_well_formed(value: dict[str, Any]) -> None:
    root = ET.fromstring(to_xml("R", value).encode())  # noqa: S314 - our own document
    assert len(root) == len(value)
