# SPDX-License-Identifier: BSD-3-Clause
"""Interface files: what is read, what is refused and where, what is signed."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pellucid.errors import ConfigurationError, MissingInput
from pellucid.interfaces import registry
from pellucid.interfaces.contract import Interface
from pellucid.interfaces.parse import parse_interface, read_interface
from pellucid.interfaces.product_types import CTAO, OWN, from_ctao, to_ctao
from pellucid.interfaces.registry import all_interfaces, interface_named, open_interface
from pellucid.interfaces.vocabulary import _COMMON, _parsed, is_unit, same_unit
from support.contracts import WEATHER, changed


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse_interface(text, "mine.toml")
    return caught.value


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)


def test_the_example_is_right() -> None:
    interface = parse_interface(WEATHER)
    assert interface.delivery().column("pressure").range == (600, 1050)
    assert interface.delivery().cadence == 60.0
    assert interface.delivery().latency == 300.0
    assert interface.party("DATA").responsibles["DM"] == "data model"
    assert [t.id for t in interface.tasks] == ["I-DATA-COM-3901/feedback"]


@pytest.mark.parametrize(
    ("old", "new", "code", "key"),
    [
        ('unit = "hPa"', 'unit = "hPaa"', "unknown-unit", "deliveries[1].columns[2].unit"),
        ("example = 787.0", "example = 5.0", "example-out-of-range", "deliveries[1].columns[2].range"),
        ('"DL0/Monitoring/Array/Weather"', '"DL0/Monitoring/Array/Wether"', "undefined-product-type",
         "deliveries[1].product_type"),
        ('"DL0/Monitoring/Array/Weather"', '"DL0/Monitoring/Weather"', "product-type",
         "deliveries[1].product_type"),
        ("version = \"1.0.0\"", "version = \"1.0\"", "bad-value", "version"),
        ('id = "I-DATA-COM-3901"', 'id = "ICD-3901"', "bad-value", "id"),
        ('level = "per array"', 'level = "per moon"', "bad-value", "level"),
        ('status = "proposed"', 'status = "propsed"', "bad-value", "status"),
        ("range = [600, 1050]", "range = [1050, 600]", "bad-value", "deliveries[1].columns[2].range"),
        ('dtype = "float64"', 'dtype = "float65"', "bad-value", "deliveries[1].columns[2].dtype"),
        ('cadence = "60 s"', 'cadence = "60 fortnights"', "bad-value", "deliveries[1].cadence"),
        ('time = "time"', 'time = "clock"', "bad-value", "deliveries[1].time"),
        ('name = "pressure"', 'nam = "pressure"', "unknown-key", "deliveries[1].columns[2].nam"),
        ('name = "pressure", ', "", "missing-key", "deliveries[1].columns[2]"),
        ('name = "pressure", dtype', 'name = "time",  dtype', "doubled-name", "deliveries[1].columns[2]"),
        ('role = "receiver"', 'role = "provider"', "bad-value", "parties"),
        ("range = [600, 1050]", "range = [600, inf]", "bad-value", "deliveries[1].columns[2].range"),
        ('values = ["ok", "fault"]', 'values = ["ok", 3]', "bad-value", "deliveries[1].columns[5].values"),
        ('values = ["ok", "fault"]', 'values = ["ok", "ok"]', "bad-value", "deliveries[1].columns[5].values"),
        ('values = ["ok", "fault"]', 'range = [1, 2], example = "a"', "bad-value",
         "deliveries[1].columns[5].range"),
        ("range = [0, 600], example = 60", "range = [0, 600], example = 60.5", "bad-value",
         "deliveries[1].columns[4].example"),
        ('sub_project = "DATA"', 'sub_project = "COM-CCF"', "bad-value", "parties"),
        ('sub_project = "DATA"', 'sub_project = "the data people"', "bad-value", "parties[2].sub_project"),
        ('kind = "give-feedback"', 'kind = "give-cake"', "task-value", "tasks[1].kind"),
        ('values = ["N", "S"]', 'values = ["E"]', "example-out-of-range",
         "deliveries[1].metadata[1].values"),
        ('nan = "never"', "nan = 2", "bad-value", "deliveries[1].columns[2].nan"),
        ("id = ", "id : ", "not-toml", "id"),
        ('title = "A weather station"', 'title = "A weather station', "not-toml", "title"),
        ('work_package = "COM-CCF"', 'work_package = "COM-CCF"\nfollows = [{ task = "x", dealy = 1 }]',
         "task-value", "tasks[1].follows[1]"),
        ('work_package = "COM-CCF"', 'wrok_package = "COM-CCF"', "unknown-key", "tasks[1].wrok_package"),
        ("[[tasks]]", '[methods]\nbaselin = "a"\n[[tasks]]', "unknown-key", "methods.baselin"),
        ("[[tasks]]", '[methods]\nbaseline = 3\n[[tasks]]', "method-value", "methods.baseline"),
        ("[[tasks]]", '[methods]\nalternatives = [\n{ step = "a" },\n{ step = "" },\n]\n[[tasks]]',
         "method-value", "methods.alternatives[2].step"),
    ],
)  # fmt: skip
def test_a_mistake_tells_file_line_and_key(old: str, new: str, code: str, key: str) -> None:
    text = changed(WEATHER, old, new)
    error = refused(text)
    assert error.code == code
    assert all((error.what, error.expected, error.got, error.mend))
    assert error.where.endswith(f", key {key}")
    stands = "[[parties]]" if key == "parties" else STANDS.get(key, new or 'dtype = "float64"')
    assert error.where.startswith(f"mine.toml, line {line_of(text, stands)}, ")


STANDS = {
    "tasks[1].follows[1]": "dealy",
    "methods.baselin": "baselin",
    "methods.baseline": "baseline = 3",
    "methods.alternatives[2].step": 'step = ""',
}
"""What is on the line of a mistake that is added with further lines."""


def test_a_file_without_anything_is_told() -> None:
    error = refused("")
    assert (error.code, error.where) == ("missing-key", "mine.toml, line 1")
    assert refused("[").where == "mine.toml, line 1"


def test_a_type_that_the_file_itself_defines_is_known() -> None:
    text = changed(WEATHER, '"DL0/Monitoring/Array/Weather"', '"DL0/Monitoring/Array/Hail"')
    assert refused(text).code == "undefined-product-type"
    own = text + '\n[product_types]\nHail = "size and number of hailstones"\n'
    assert parse_interface(own).delivery().product_type == "DL0/Monitoring/Array/Hail"


def test_a_range_outside_its_type_is_refused() -> None:
    text = changed(WEATHER, 'dtype = "float64", unit = "hPa"', 'dtype = "uint8", unit = "hPa"')
    assert refused(text).code == "bad-value"


def test_content_and_not_its_form_is_what_is_signed() -> None:
    digest = parse_interface(WEATHER).digest
    progress = 'title = "Give feedback"\ndone = 50\nspent_hours = 3'
    for old, new in (
        ("# a comment", "# another"),
        ('status = "proposed"', 'status = "active"'),
        ('title = "Give feedback"', progress),
    ):
        assert parse_interface(changed(WEATHER, old, new)).digest == digest
    for old, new in (("1050]", "1051]"), ("data model", "data models"), ("Give feedback", "Give cake")):
        assert parse_interface(changed(WEATHER, old, new)).digest != digest
    assert len(digest) == 64


def test_the_catalogue_holds_the_interfaces_that_were_asked_for() -> None:
    known = all_interfaces()
    assert {
        f"I-DATA-COM-{n}" for n in ("0006", "3001", "3011", "3201", "3002", "3012", "3021", "3031")
    } <= set(known)
    for telescope in ("LST", "MST", "SST"):
        for number in ("0001", "0002", "0003", "0004", "1001", "2001"):
            assert f"I-DATA-{telescope}-{number}" in known
    assert len({i.digest for i in known.values()}) == len(known)


@pytest.mark.parametrize("interface", all_interfaces().values(), ids=lambda i: i.id)
def test_every_interface_of_the_catalogue_is_complete(interface: Interface) -> None:
    assert interface.deliveries
    assert interface.tasks
    assert Path(interface.source).name == f"{interface.id}.toml"
    for party in interface.parties:
        assert party.responsibles
    for delivery in interface.deliveries:
        assert delivery.time is not None
        assert delivery.column(delivery.time).time_scale == "tai"
        assert all(c.frame for c in delivery.columns if c.unit == "deg" and "longitude" not in c.name)


def test_tasks_follow_tasks_that_there_are() -> None:
    tasks = {t.id for i in all_interfaces().values() for t in i.tasks}
    assert {f.task for i in all_interfaces().values() for t in i.tasks for f in t.follows} <= tasks


def test_two_interfaces_with_one_id_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(Path(interface_named("I-DATA-COM-3021").source).read_text())
    with pytest.raises(ConfigurationError) as caught:
        all_interfaces([copy])
    assert caught.value.code == "doubled-interface"
    assert str(copy) in caught.value.where


def test_an_unknown_interface_names_the_nearest() -> None:
    with pytest.raises(MissingInput, match="I-DATA-COM-3021"):
        interface_named("I-DATA-COM-302l")
    with pytest.raises(MissingInput) as caught:
        open_interface("./none.toml")
    assert caught.value.code == "no-file"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError) as caught:
        read_interface(tmp_path / "a.toml")
    assert caught.value.code == "not-text"


def test_packages_bring_interfaces_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "hailstones"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "I-DATA-COM-3901.toml").write_text(WEATHER)
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("hail", "hailstones", "pellucid.interfaces")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    registry._installed.cache_clear()
    try:
        assert interface_named("I-DATA-COM-3901").title == "A weather station"
        gone = EntryPoint("hail", "no_such_package", "pellucid.interfaces")
        monkeypatch.setattr(registry, "entry_points", lambda group: [gone])
        registry._installed.cache_clear()
        with pytest.raises(ConfigurationError, match="no_such_package"):
            all_interfaces()
    finally:
        registry._installed.cache_clear()


def test_the_units_that_are_known_without_astropy_are_units_of_astropy() -> None:
    assert all(_parsed(text) is not None for text in _COMMON)
    assert is_unit("erg / (cm2 s)")
    assert not is_unit("furlongs of light")
    assert same_unit("m/s", "m s-1")
    assert not same_unit("m", "km")


def test_ctao_s_words_are_those_of_its_data_model() -> None:
    from ctao_datamodel.models.dataproducts.ident import DataType

    assert set(CTAO) == {str(word.value) for word in DataType}
    assert not set(OWN) & set(CTAO)
    assert {ctao for ctao, _ in OWN.values()} <= set(CTAO)


@pytest.mark.parametrize("word", [*CTAO, *OWN])
def test_the_mapping_to_ctao_s_types_is_reversible(word: str) -> None:
    product_type = f"DL0/Monitoring/Array/{word}"
    assert from_ctao(*to_ctao(product_type)) == product_type
    assert to_ctao(product_type)[0].rpartition("/")[2] in CTAO
