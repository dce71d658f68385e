"""The closed lists against the ODCS library's own model, so that no name of the standard is refused."""

import pydantic
import pytest
from open_data_contract_standard import model

import tidegate.repository.vocabulary as names
from tidegate.contracts.rules import KEYWORDS


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (names.TOP, model.OpenDataContractStandard),
        (names.DESCRIPTION, model.Description),
        (names.TEAM, model.Team),
        (names.TEAM_MEMBER, model.TeamMember),
        (names.SUPPORT, model.Support),
        (names.ROLE, model.Role),
        (names.SERVICE_LEVEL, model.ServiceLevelAgreementProperty),
        (names.PRICE, model.Pricing),
        (names.SERVER, model.Server),
        (names.DEFINITION, model.AuthoritativeDefinition),
        (names.CUSTOM_PROPERTY, model.CustomProperty),
        (names.SCHEMA_OBJECT, model.SchemaObject),
        (names.PROPERTY, model.SchemaProperty),
    ],
)
def test_names_are_those_of_the_standard(ours: frozenset[str], theirs: type[pydantic.BaseModel]) -> None:
    assert ours == {field.alias or name for name, field in theirs.model_fields.items()}


def test_no_option_is_both_served_and_not_served() -> None:
    assert not names.CUSTOM_PROPERTIES & names.NOT_SERVED
    assert not names.FORMATS & KEYWORDS
