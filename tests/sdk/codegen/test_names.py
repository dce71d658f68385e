"""Names of Python for names of schemas."""

import ast
import keyword

import pytest

from tidegate.codegen.names import attributes, class_names, module_name, quoted, snake, symbol_names


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("orderId", "order_id"),
        ("OrderID", "order_id"),
        ("HTTPServer", "http_server"),
        ("line1", "line1"),
        ("placed_at", "placed_at"),
        ("class", "class_"),
        ("str", "str_"),
        ("self", "self_"),
        ("model_config", "model_config_"),
        ("_x", "x"),
        ("__", "field"),
        ("_1", "field_1"),
        ("dt", "dt_"),
    ],
)
def test_a_field_becomes_an_attribute(name: str, attribute: str) -> None:
    assert snake(name) == attribute
    assert attribute.isidentifier()
    assert not keyword.iskeyword(attribute)


def test_of_names_that_would_be_one_the_one_called_so_keeps_it_and_the_others_are_numbered() -> None:
    assert attributes(["orderId", "order_id", "OrderId", "order_id_2"]) == {
        "orderId": "order_id_3",
        "order_id": "order_id",
        "OrderId": "order_id_4",
        "order_id_2": "order_id_2",
    }
    assert attributes(["aB", "AB"]) == {"aB": "a_b", "AB": "ab"}
    assert attributes(["aB", "a-B"]) == {"aB": "a_b", "a-B": "a_b_2"}


@pytest.mark.parametrize(
    ("full_name", "name"),
    [
        ("coffeeco.customer.Order", "Order"),
        ("order", "Order"),
        ("a.order_line", "OrderLine"),
        ("Exception", "ExceptionModel"),
        ("None", "NoneModel"),
        ("TOPIC", "TOPICModel"),
        ("x._1", "Model1"),
    ],
)
def test_a_type_becomes_a_class(full_name: str, name: str) -> None:
    assert class_names([full_name])[full_name] == name


def test_types_of_two_namespaces_keep_apart() -> None:
    assert class_names(["a.Item", "b.Item"]) == {"a.Item": "Item", "b.Item": "Item_2"}


def test_symbols_stay_as_they_are_where_an_enum_takes_them() -> None:
    assert symbol_names(["ESPRESSO", "lungo", "mro", "name", "class", "_x", "__"]) == {
        "ESPRESSO": "ESPRESSO",
        "lungo": "lungo",
        "mro": "mro_",
        "name": "name_",
        "class": "class_",
        "_x": "V_x",
        "__": "V2",
    }


def test_topics_become_modules() -> None:
    assert module_name("customer.order-status") == "customer_order_status"
    assert module_name("1st") == "topic_1st"
    assert module_name("class") == "class_"


@pytest.mark.parametrize("text", ["plain", 'a "b"', "it's", 'it\'s "so"', "\\", "\n\u2028\x00", ""])
def test_a_literal_is_the_text(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
