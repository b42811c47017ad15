"""Signals that come at random while callers run kernels: nothing is lost, doubled or stuck."""

import pytest
from faults_for_tests import report_of, run_program

effects = pytest.mark.parametrize("effect", ["raises", "counted", "cancels"])
kernels = pytest.mark.parametrize("kernel", ["tough", "fragile"])
hand_offs = pytest.mark.parametrize("hand_off", ["on", "off"])


@effects
@kernels
@hand_offs
def test_whenever_a_signal_comes_every_number_adds_up_and_nobody_waits_for_ever(
    effect, kernel, hand_off
):
    ran = run_program("signals", effect, kernel, 1, PYDOTCOMPUTE_TESTS_HAND_OFF=hand_off)
    assert (ran.returncode, ran.stderr) == (0, "")
    report = report_of(ran)
    assert report["signals"] > 20
    told = report["sends"] + report["receives"] + report["kernel"]
    if effect == "raises":
        assert min(report["sends"], report["receives"], report["kernel"]) > 0
    else:
        assert (told, report["launches"]) == (0, 1)
    assert (report["strikes"] > 0) is (effect != "counted")
