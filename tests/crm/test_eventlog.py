"""Event logs as CRM history: hand-made cases to check by eye, and a bank's whole log against its published counts."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from crm.errors import SchemaError
from crm.import_report import ImportReport
from crm.importer import import_files
from crm.mapping import load_mapping
from crm.store import Store, open_store

pytestmark = pytest.mark.slow

BANK = Path(__file__).parents[3] / "shared" / "data" / "bpic2012"
HEADER = "case_id,activity,lifecycle,timestamp,resource\n"
# Handed in, worked on, offered, offered anew, sent back, approved; the system is resource 112.
CASE = """\
7,A_SUBMITTED,COMPLETE,2011-10-01 10:00:00+00:00,112
7,A_PARTLYSUBMITTED,COMPLETE,2011-10-01 10:00:01+00:00,112
7,A_PREACCEPTED,COMPLETE,2011-10-01 10:05:00+00:00,112
7,W_Completeren aanvraag,SCHEDULE,2011-10-01 10:05:00+00:00,112
7,W_Completeren aanvraag,START,2011-10-01 11:00:00+00:00,
7,A_ACCEPTED,COMPLETE,2011-10-01 11:05:00+00:00,901
7,O_SELECTED,COMPLETE,2011-10-01 11:06:00+00:00,901
7,A_FINALIZED,COMPLETE,2011-10-01 11:06:00+00:00,901
7,O_CREATED,COMPLETE,2011-10-01 11:07:00+00:00,901
7,O_SENT,COMPLETE,2011-10-01 11:07:00+00:00,901
7,W_Completeren aanvraag,COMPLETE,2011-10-01 11:10:00+00:00,901
7,O_SELECTED,COMPLETE,2011-10-03 09:00:00+00:00,902
7,O_CANCELLED,COMPLETE,2011-10-03 09:00:01+00:00,902
7,O_CREATED,COMPLETE,2011-10-03 09:00:02+00:00,902
7,O_SENT,COMPLETE,2011-10-03 09:00:02+00:00,902
7,W_Nabellen offertes,COMPLETE,2011-10-03 09:30:00+00:00,902
7,W_Nabellen offertes,START,2011-10-05 09:30:00+00:00,902
7,O_SENT_BACK,COMPLETE,2011-10-06 09:00:00+00:00,902
7,A_REGISTERED,COMPLETE,2011-10-07 09:00:00+00:00,903
7,A_APPROVED,COMPLETE,2011-10-07 09:00:00+00:00,903
"""
CASES = "case_id,amount_req\n7,20000\n"


class Log:
    """A log in a folder, and the store it is imported into."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store

    def load(self, **files: str | bytes) -> ImportReport:
        for name, content in files.items():
            path = self.folder / name.replace("_", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_files(
            [self.folder], self.store, mapping=load_mapping("bpic2012"), rejects_path=self.folder.parent / "rejects.csv"
        )

    def values(self, field: str) -> list[str]:
        rows = self.store.read("deal_changes")
        rows = rows[rows["field"] == field].sort_values(["changed_at", "seq"], kind="stable")
        return rows["new_value"].tolist()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    (tmp_path / "log").mkdir()
    yield Log(tmp_path / "log", store)
    store.close()


def xes(events: str, amount: str = "20000") -> str:
    """The same case as a XES log."""
    lines = ["<log><trace>", '<string key="concept:name" value="7"/>', f'<string key="AMOUNT_REQ" value="{amount}"/>']
    for event in events.splitlines():
        _, activity, lifecycle, at, resource = event.split(",")
        lines.append(f'<event><string key="concept:name" value="{activity}"/>')
        lines.append(f'<string key="lifecycle:transition" value="{lifecycle}"/>')
        lines.append(f'<date key="time:timestamp" value="{at.replace(" ", "T")}"/>')
        lines.extend([f'<string key="org:resource" value="{resource}"/>'] if resource else [])
        lines.append("</event>")
    return "\n".join([*lines, "</trace></log>"])


def test_a_case_is_a_deal_that_begins_with_its_first_event(log):
    assert log.load(events_csv=HEADER + CASE, cases_csv=CASES).rejects.empty
    deal = log.store.read("deals").iloc[0]
    assert (deal["deal_id"], deal["name"], deal["currency"]) == ("7", "Application 7", "EUR")
    assert deal["created_at"] == pd.Timestamp("2011-10-01T10:00:00Z")
    assert log.values("amount") == ["20000"]


def test_stages_follow_the_activities_and_a_replaced_offer_goes_back(log):
    log.load(events_csv=HEADER + CASE)
    assert log.values("stage") == [
        "A_SUBMITTED",
        "A_PREACCEPTED",
        "A_ACCEPTED",
        "A_FINALIZED",
        "O_SENT",
        "A_FINALIZED",
        "O_SENT",
        "O_SENT_BACK",
        "A_APPROVED",
    ]


def test_a_deal_is_won_at_the_first_of_the_winning_activities(log):
    log.load(events_csv=HEADER + CASE)
    changes = log.store.read("deal_changes")
    won = changes[changes["new_value"] == "A_APPROVED"]
    assert won["changed_at"].tolist() == [pd.Timestamp("2011-10-07T09:00:00Z")]


def test_the_owner_is_whoever_acted_last_and_nobody_changes_nothing(log):
    log.load(events_csv=HEADER + CASE)
    assert log.values("owner_id") == ["112", "901", "902", "903"]


def test_work_is_an_interaction_from_its_start_known_when_it_is_complete(log):
    report = log.load(events_csv=HEADER + CASE)
    work = log.store.read("interactions").set_index("outcome")
    done = work.loc["W_Completeren aanvraag"]
    assert (done["kind"], done["duration_s"], done["user_id"]) == ("task", 600.0, "901")
    assert done["occurred_at"] == pd.Timestamp("2011-10-01T11:00:00Z")
    assert done["known_at"] == pd.Timestamp("2011-10-01T11:10:00Z")
    call = work.loc["W_Nabellen offertes"]
    assert (call["kind"], call["direction"]) == ("call", "outbound")
    assert pd.isna(call["duration_s"])
    assert any("1 pieces of work were begun and not completed" in warning for warning in report.warnings)


def test_work_that_is_announced_is_the_next_step(log):
    log.load(events_csv=HEADER + CASE)
    assert log.values("next_step") == ["W_Completeren aanvraag"]


def test_xes_and_csv_tell_the_same(log, tmp_path):
    log.load(events_csv=HEADER + CASE, cases_csv=CASES)
    told = log.store.read_all()
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    (tmp_path / "xes").mkdir()
    Log(tmp_path / "xes", other).load(log_xes=xes(CASE))
    for name, rows in other.read_all().items():
        pd.testing.assert_frame_equal(rows, told[name])
    other.close()


def test_a_longer_log_of_the_same_cases_adds_and_changes_nothing_else(log):
    log.load(events_csv=HEADER + "".join(CASE.splitlines(keepends=True)[:10]))
    report = log.load(events_csv=HEADER + CASE)
    assert report.tables["deal_changes"].changed == report.tables["interactions"].changed == 0
    assert report.tables["deal_changes"].new > 0


def test_a_xes_log_may_name_its_namespace(log):
    assert log.load(log_xes=xes(CASE).replace("<log>", '<log xmlns="http://www.xes-standard.org/">')).rejects.empty
    assert len(log.store.read("deals")) == 1


def test_a_xes_log_that_ends_in_the_middle_loads_its_whole_cases(log):
    whole = xes(CASE).replace("</log>", "")
    report = log.load(log_xes_gz=gzip.compress((whole + xes(CASE)[5:-40].replace('"7"', '"8"')).encode()))
    assert log.store.read("deals")["deal_id"].tolist() == ["7"]
    assert report.rejects["value"].dropna().tolist() == ["8"]
    assert report.rejects["rule"].str.contains("ends in the middle of this case").any()


def test_a_gzip_that_is_cut_names_the_case_it_ends_in(log):
    packed = gzip.compress(xes(CASE).encode())
    report = log.load(log_xes_gz=packed[: len(packed) // 2])
    assert log.store.read("deals").empty
    assert report.rejects["rule"].str.contains("its gzip data end in the middle").any()


@pytest.mark.parametrize(
    ("was", "becomes", "column", "rule"),
    [
        ("O_SENT_BACK", "O_SENTBACK", "activity", 'has no place in the mapping (did you mean "O_SENT_BACK"?)'),
        ("2011-10-06 09:00:00+00:00", "06.10.2011", "timestamp", "fits none of the date formats iso"),
        ("2011-10-06 09:00:00+00:00", "", "timestamp", "timestamp is missing; every event needs one"),
        ("7,O_SENT_BACK", ",O_SENT_BACK", "case", "case is missing; every event needs one"),
    ],
)
def test_an_event_that_cannot_be_told_is_refused_alone(log, was, becomes, column, rule):
    report = log.load(events_csv=HEADER + CASE.replace(was, becomes))
    assert report.rejects[["line", "column"]].to_numpy().tolist() == [[19, column]]
    assert rule in report.rejects["rule"][0]
    assert "O_SENT_BACK" not in log.values("stage")
    assert log.values("stage")[-1] == "A_APPROVED"


def test_an_amount_that_is_no_number_is_refused_and_the_deal_loads(log):
    report = log.load(events_csv=HEADER + CASE, cases_csv="case_id,amount_req\n7,a lot\n")
    assert report.rejects["rule"].tolist() == ['amount "a lot" is not a number; write 12500 or 12500.50']
    assert log.values("amount") == []
    assert len(log.store.read("deals")) == 1


def test_a_missing_column_names_the_nearest(log):
    with pytest.raises(SchemaError, match=r'lacks the column "timestamp" \(did you mean "timestamps"\?\)'):
        log.load(events_csv=(HEADER + CASE).replace("timestamp", "timestamps"))


def test_an_empty_log_is_a_reject(log):
    assert "the file is empty" in log.load(events_csv="").rejects["rule"][0]
    assert log.store.read("deals").empty


def test_a_folder_without_a_log_is_an_error(log):
    with pytest.raises(SchemaError, match=r'No file "\*\.xes" among those given'):
        log.load()


def bank_files(form: str) -> list[Path]:
    if not BANK.exists():
        pytest.skip(f"the bank's log is not at {BANK.parent.name}/{BANK.name} beside the project")
    names = {"xes": ["BPIC12.xes.gz"], "csv": ["bpic2012_events.csv.gz", "bpic2012_cases.csv.gz"]}
    return [BANK / name for name in names[form]]


def test_the_banks_log_gives_the_published_counts_in_either_form(tmp_path):
    told = {}
    for form in ("xes", "csv"):
        store = open_store(f"sqlite:///{tmp_path}/{form}.db")
        files = bank_files(form)
        report = import_files(files, store, mapping=load_mapping("bpic2012"), rejects_path=tmp_path / "rejects.csv")
        assert report.files[str(files[0])] == 262_200
        assert report.rejects.empty
        told[form] = store.read_all()
        store.close()
    for name, rows in told["xes"].items():
        pd.testing.assert_frame_equal(rows, told["csv"][name])
    assert len(told["xes"]["deals"]) == 13_087
    changes = told["xes"]["deal_changes"].sort_values(["changed_at", "seq"], kind="stable")
    moves = changes[changes["field"] == "stage"]
    now = moves.groupby("deal_id")["new_value"].last()
    closed = now[now.isin(["A_DECLINED", "A_CANCELLED", "A_APPROVED"])]
    assert closed.value_counts().to_dict() == {"A_DECLINED": 7_635, "A_CANCELLED": 2_807, "A_APPROVED": 2_246}
    assert len(now) - len(closed) == 399
    sent = moves.loc[moves["new_value"] == "O_SENT", "deal_id"].unique()
    decided = closed[closed.index.isin(sent)]
    assert (len(sent), len(decided)) == (5_015, 4_688)
    shares = decided.value_counts(normalize=True).round(3).to_dict()
    assert shares == {"A_APPROVED": 0.479, "A_CANCELLED": 0.35, "A_DECLINED": 0.171}
    # One amount a deal, and one owner at any time.
    assert (changes["field"] == "amount").sum() == 13_087
    assert not changes.duplicated(["deal_id", "field", "changed_at", "seq"]).any()
