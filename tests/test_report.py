"""The report: one file without network, readable by eye, keyboard and ear; first lines honest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_sloth as bs
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.reporting.calibration import calibration_of, read_backtest
from bayes_sloth.reporting.next_models import next_models
from bayes_sloth.reporting.tables import table_html
from bayes_sloth.scores import Scores, data_folder, load_scores

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def own_scores() -> Scores:
    frame = pd.DataFrame(
        {
            "model": ["a-1b", "a-8b", "b-2b", "b-4b", "b-16b", "<i>c</i>"],
            "variant": ["a", "a", "b", "b", "b", "c"],
            "params_b": [1, 8, 2, 4, 16, 3],
            "tokens_t": [1, 2, 3, 3, 4, 1],
            "mmlu": [0.3, 0.5, 0.3, 0.4, 0.6, 0.3],
        }
    )
    return load_scores(frame)


def fake_fit(scores: Scores) -> Fit:
    """Return a fit of which only scores and choices are looked at."""
    return Fit(None, scores, bs.Specification(), None)  # type: ignore[arg-type]


def fake_backtest(scores: Scores) -> dict[str, Any]:
    """Return the JSON of a backtest of two scores: one within its interval, one not."""
    cells = [
        {"fold": "b", "model": name, "benchmark": "mmlu",
         "actual": float(scores.values.at[name, "mmlu"])}
        for name in ("b-4b", "b-16b")
    ]  # fmt: skip
    summary = {"mae": 4.0, "coverage50": 0.5, "coverage80": 0.5, "coverage90": 0.5,
               "width90": 10.0, "interval_score90": 20.0}  # fmt: skip
    return {
        "suite": "v1", "seen": 1, "model": "skills", "settings": {"model": "skills"},
        "summary": summary, "standard_errors": {"mae": 1.0, "coverage90": 0.3},
        "by_benchmark": {"mmlu": summary}, "cells": cells,
    }  # fmt: skip


def test_the_next_larger_size_of_the_largest_families():
    asked = next_models(own_scores(), families=2)
    assert asked[["family", "params_b", "tokens_t"]].to_numpy().tolist() == [
        ["b", 32, 4],
        ["a", 16, 2],
    ]


def test_installed_calibration_is_that_of_the_committed_backtest():
    installed = pd.read_csv(data_folder() / "backtest_summary.csv")
    measured = pd.read_csv(ROOT / "benchmarks" / "results" / "backtest.csv")
    whole = installed[installed["benchmark"] == "all"].drop(columns="benchmark")
    pd.testing.assert_frame_equal(whole, measured[list(whole)])
    cells = pd.read_csv(ROOT / "benchmarks" / "results" / "backtest_cells.csv")
    part = cells[(cells["suite"] == "v2") & (cells["seen"] == 0) & (cells["benchmark"] == "gpqa")]
    inside = part["actual"].between(part["lower90"], part["upper90"]).mean()
    row = installed.query("suite == 'v2' and seen == 0 and benchmark == 'gpqa'").iloc[0]
    assert row["coverage90"] == pytest.approx(inside, abs=1e-4)
    assert row["cells"] == len(part)


@pytest.mark.parametrize("errata", [True, False])
def test_bundled_data_have_a_calibration(errata: bool):
    scores = load_scores(errata=errata).select(bs.benchmarks_of("both")).with_size_and_tokens()[0]
    found = calibration_of(fake_fit(scores))
    assert found.tested
    assert found.settings.at["v1, 1 seen", "cells"] == 360


def test_other_data_and_other_choices_have_none():
    found = calibration_of(fake_fit(own_scores()))
    assert not found.tested
    assert "bayes-sloth backtest" in found.source
    bundled = load_scores().select(bs.benchmarks_of("both")).with_size_and_tokens()[0]
    other = replace(fake_fit(bundled), specification=bs.Specification(skills=1))
    assert not calibration_of(other).tested
    changed = replace(bundled, values=bundled.values + 1e-3)
    assert not calibration_of(fake_fit(changed)).tested


def test_a_backtest_of_ones_own(tmp_path: Path):
    scores, path = own_scores(), tmp_path / "backtest.json"
    path.write_text(json.dumps(fake_backtest(scores)))
    found = calibration_of(fake_fit(scores), path)
    assert found.tested
    assert found.settings.at["v1, 1 seen", "coverage90"] == 0.5
    assert found.settings.at["v1, 1 seen", "cells"] == 2


def test_a_backtest_of_other_scores_is_refused():
    scores = own_scores()
    other = fake_backtest(scores)
    other["cells"][1]["actual"] = 0.61
    with pytest.raises(InputError, match=r"'b-16b', benchmark 'mmlu', score 0.61.*another score"):
        calibration_of(fake_fit(scores), _Backtest(other))  # type: ignore[arg-type]


class _Backtest:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def to_dict(self) -> dict[str, Any]:
        return self.answer


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no file"),
        ("", "not JSON, or cut short"),
        ('{"suite": "v1", "cel', "not JSON, or cut short"),
        ("[]", "not the JSON of a backtest"),
        ('{"suite": "v1"}', "not the JSON of a backtest"),
    ],
)
def test_what_is_not_a_backtest_is_refused(content: str | None, says: str, tmp_path: Path):
    path = tmp_path / "backtest.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        read_backtest(path)
    assert "bayes-sloth backtest" in str(caught.value)


def test_a_table_can_be_read_aloud():
    table = pd.DataFrame({"a_b": [0.5, None], "text": ["<b>", "x"]}, index=pd.Index(["r", "s"]))
    html = table_html(table.rename_axis("row"), "A & B", 2)
    assert "<caption>A &amp; B</caption>" in html
    assert html.count('scope="col"') == 3
    assert html.count('<th scope="row">') == 2
    assert "&lt;b&gt;" in html
    assert '<td class="number">0.50</td>' in html
    assert '<td class="number"></td>' in html


@pytest.fixture(scope="module")
def page(small_fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    bs.report(small_fit, path, family="qwen2", params_b=[32, 144], tokens_t=12)
    return path


@pytest.mark.slow
def test_the_first_lines_are_honest(small_fit: Fit, tmp_path: Path):
    """The fit is short, of some benchmarks alone: neither sampled well nor backtested."""
    done = bs.report(small_fit, tmp_path / "r.html", family="<script>alert(1)</script>",
                     params_b=13, tokens_t=4)  # fmt: skip
    doubts = " ".join(done.uncertain)
    assert "NOT PASSED" in doubts
    assert "CALIBRATION WAS NOT TESTED" in doubts
    assert "Nobody has seen family" in doubts
    assert not any("backtest" in sentence for sentence in done.certain)
    text = done.path.read_text()
    assert "<script>alert(1)" not in text
    assert text.index("CALIBRATION WAS NOT TESTED") < text.index('id="forecasts"')


@pytest.mark.slow
def test_nothing_is_written_if_a_model_cannot_be_forecast(small_fit: Fit, tmp_path: Path):
    with pytest.raises(InputError, match="give its parameters and its tokens"):
        bs.report(small_fit, tmp_path / "r.html", family="nobody's", params_b=7)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(page: Path, browser: Any, width: int, scheme: str):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
    )
    tab, messages, requests = context.new_page(), [], []
    tab.set_default_timeout(120_000)
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")  # draws every plot, opens every fold
    plots = tab.locator(".plot").count()
    tab.wait_for_function(
        "document.querySelectorAll('.plot .main-svg[aria-hidden]').length >= 2 * "
        "document.querySelectorAll('.plot').length"
    )
    assert plots > 10
    assert messages == []
    assert requests == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    # Every table has the same form: of those in folds, one is enough.
    tab.evaluate(
        "document.querySelectorAll('details').forEach((fold, i) => { fold.open = i < 2; })"
    )
    violations = axe.Axe().run(tab).response["violations"]
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []
    context.close()


@pytest.mark.slow
def test_by_keyboard_and_pointer(page: Path, browser: Any):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(page.as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.locator(".skip").bounding_box()["x"] >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    levels = tab.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert max(after - before for before, after in pairwise(levels)) == 1
    plot = tab.locator("#forecasts .plot").first
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    tab.locator("#forecasts .plot .point").first.hover(force=True)
    tab.locator("#forecasts .plot .hovertext").first.wait_for()
    before = plot.locator(".xtick").all_text_contents()
    plot.locator("[data-attr='zoom'][data-val='in']").first.click()
    tab.wait_for_function(
        "before => [...document.querySelectorAll('#forecasts .plot')][0]"
        ".querySelector('.xaxislayer-above').textContent !== before",
        arg="".join(before),
    )
    assert plot.locator(".xtick").all_text_contents() != before
    tab.close()
