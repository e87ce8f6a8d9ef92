"""The figures in Prometheus' text format, read back line by line."""

import re

from tradewrit.credentials.http.metrics import BUCKETS_S, Metrics


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"(\S+?(?:\{.*\})?) (\S+)", line)
        assert match is not None, line
        found[match[1]] = float(match[2])
    return found


def test_what_was_counted_is_what_is_shown() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.02, 99.0):
        metrics.answered("GET", "/v1/health", 200, seconds)
    metrics.refusals["unauthorized"] += 2
    metrics.cut_off["head"] += 1
    shown = samples(metrics.text({"up": ("Well.", 1.0)}))
    assert shown["tradewrit_credentials_up"] == 1
    assert shown['tradewrit_credentials_requests_total{method="GET",route="/v1/health",status="200"}'] == 3
    assert shown['tradewrit_credentials_refusals_total{error_code="unauthorized"}'] == 2
    assert shown['tradewrit_credentials_cut_off_total{phase="head"}'] == 1
    labels = 'method="GET",route="/v1/health"'
    assert shown[f"tradewrit_credentials_request_duration_seconds_count{{{labels}}}"] == 3
    assert shown[f"tradewrit_credentials_request_duration_seconds_sum{{{labels}}}"] == 99.0205
    bucket = "tradewrit_credentials_request_duration_seconds_bucket"
    assert shown[f'{bucket}{{{labels},le="0.001"}}'] == 1
    assert shown[f'{bucket}{{{labels},le="0.025"}}'] == 2
    assert shown[f'{bucket}{{{labels},le="5.0"}}'] == 2
    assert shown[f'{bucket}{{{labels},le="+Inf"}}'] == 3


def test_a_duration_on_the_edge_belongs_to_the_bucket_below() -> None:
    metrics = Metrics()
    for edge in BUCKETS_S:
        metrics.answered("GET", "/", 200, edge)
    assert metrics.durations["GET", "/"].counts == [*[1] * len(BUCKETS_S), 0]


def test_every_family_says_what_it_is_before_its_samples() -> None:
    lines = Metrics().text({"up": ("Well.", 1.0)}).splitlines()
    for index, line in enumerate(lines):
        if line.startswith("# TYPE"):
            name = line.split()[2]
            assert lines[index - 1].startswith(f"# HELP {name} ")


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    metrics = Metrics()
    metrics.refusals['a"b\\c\nd'] += 1
    assert 'error_code="a\\"b\\\\c\\nd"' in metrics.text({})
