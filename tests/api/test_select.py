from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from smtpcheck.api.select import select

RIGHT = {"Mask": "Select", "Reason": ""}
FIELDS = {"Success": {"FieldRight": {"Mask": "Read", "Reason": ""}, "FieldLength": 0}}
ANSWER = {
    "Success": True,
    "ErrorMessage": "",
    "TableRight": RIGHT,
    "FieldProperties": FIELDS,
}


def selected(query: str) -> dict[str, Any]:
    return dict(select(ANSWER, QueryDict(query)))


def answer(**members: object) -> dict[str, object]:
    return dict.fromkeys(ANSWER) | members


@pytest.mark.parametrize(
    "query", ["", "$select=", "$select=%20,%20,", "$select=/", "other=Success"]
)
def test_nothing_selected_means_everything(query: str) -> None:
    assert selected(query) == ANSWER


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$select=Success", answer(Success=True)),
        ("%24select=success", answer(Success=True)),
        ("$SELECT=SUCCESS", answer(Success=True)),
        ("$select=Success,errorMessage", answer(Success=True, ErrorMessage="")),
        ("$select=+Success+,+ErrorMessage", answer(Success=True, ErrorMessage="")),
        ("$select=Success&$select=ErrorMessage", answer(Success=True, ErrorMessage="")),
        ("$select=TableRight", answer(TableRight=RIGHT)),
        ("$select=tableright/", answer(TableRight=RIGHT)),
        ("$select=TableRight%2FMask", answer(TableRight={"Mask": "Select"})),
        ("$select=TableRight/Mask,TableRight", answer(TableRight=RIGHT)),
        ("$select=TableRight,TableRight/Mask", answer(TableRight=RIGHT)),
        ("$select=TableRight/Mask,tableRight/reason", answer(TableRight=RIGHT)),
        (
            "$select=fieldproperties/success/fieldright/mask",
            answer(FieldProperties={"Success": {"FieldRight": {"Mask": "Read"}}}),
        ),
    ],
)
def test_a_selection_nulls_the_rest(query: str, expected: dict[str, object]) -> None:
    assert selected(query) == expected


@pytest.mark.parametrize(
    "query",
    ["$select=name,department,category/id", "$select=Success/Nope", "$select=TableRight/Nope"],
)
def test_an_unknown_name_selects_nothing_and_is_no_error(query: str) -> None:
    assert selected(query) == answer()


def test_the_members_keep_their_order() -> None:
    assert list(selected("$select=FieldProperties,Success")) == list(ANSWER)


def test_a_selection_of_32_kib_is_taken() -> None:
    assert selected("$select=" + "a/" * 16_000 + ",Success") == answer(Success=True)
