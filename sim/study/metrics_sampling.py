"""How soon nodes were satisfied that the data behind a block is there, and how often wrongly.

Terms of the field: a block's data is available once honest seats other than its publisher together hold enough of it (the oracle of
data availability sampling). *confidence_s* is the time from publication until a seat's own check passed, never where it did not.
*time_to_sample_s* runs from when the seat held the block, which is when it begins to look for the data. *ninety_percent_s* is, of each
block, the time until nine tenths of the validators were satisfied (das-research's time to availability). *satisfied_share* tells how
many pairs of a seat and a block were satisfied by each tenth of the deadline: confidence against time.
*false_accept* is the share, among pairs of a seat and a block whose data never became available, where the check had passed by the
deadline and no proof against it had come; *false_reject* the share, among pairs whose data was available in time, where it had not.
*unavailable_blocks* counts blocks whose data never became available; of data that was not there when the run ended before its deadline
nobody can tell, and it counts nowhere. *fraud_known_s* is from publication until a seat had a proof that
the code is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.node.behind import Shared
from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import NEVER, SECOND_NS, read


def limit_ns(evidence: Evidence, shared: Shared) -> int:
    """Up to when the data of a block is judged: its deadline, at most the end of the run."""
    end_ns = evidence.duration_ns
    return min(end_ns, shared.published_ns + evidence.deadline_ns) if evidence.deadline_ns else end_ns


def in_time(evidence: Evidence, shared: Shared) -> bool:
    """Whether the data was available by then."""
    return shared.rebuildable_ns != NEVER and shared.rebuildable_ns <= limit_ns(evidence, shared)


def never_came(evidence: Evidence, shared: Shared) -> bool:
    """Whether the data was not available although its deadline had passed before the run ended; without a deadline, by the end."""
    return shared.rebuildable_ns == NEVER and shared.published_ns + evidence.deadline_ns <= evidence.duration_ns


def believed(evidence: Evidence, shared: Shared) -> NDArray[np.bool_]:
    """bool[judged seats]: the check had passed in time, and nothing was known against the data."""
    accepted, refuted = shared.accepted_ns[shared.judged], shared.refuted_ns[shared.judged]
    limit = limit_ns(evidence, shared)
    passed: NDArray[np.bool_] = (accepted != NEVER) & (accepted <= limit) & ((refuted == NEVER) | (refuted > limit))
    return passed


def confidence_s(shared: Sequence[Shared]) -> NDArray[np.float64]:
    """Seconds until each judged seat was satisfied with each block, infinity for never."""
    each = [
        np.where(one.accepted_ns == NEVER, np.inf, (one.accepted_ns - one.published_ns) / SECOND_NS)[one.judged] for one in shared
    ]
    return np.concatenate(each) if each else np.zeros(0)


def time_to_sample_s(shared: Sequence[Shared]) -> NDArray[np.float64]:
    """Seconds from holding a block to being satisfied with its data: 0 where that came first, infinity for never; only who held the block."""
    each = []
    for one in shared:
        heard, accepted = one.heard_ns[one.judged], one.accepted_ns[one.judged]
        waited = np.where(accepted == NEVER, np.inf, np.maximum(0, accepted - heard) / SECOND_NS)
        each.append(waited[heard != NEVER])
    return np.concatenate(each) if each else np.zeros(0)


def ninety_percent_s(shared: Sequence[Shared]) -> NDArray[np.float64]:
    """Seconds until seats with nine tenths of the judged validators were satisfied with each block, infinity for never."""
    spans = []
    for one in shared:
        waited, weight = confidence_s([one]), one.weight[one.judged]
        if weight.size:
            order = np.argsort(waited, kind="stable")
            enough = 10 * np.cumsum(weight[order]) >= 9 * int(weight.sum())
            spans.append(float(waited[order][int(np.argmax(enough))]))
    return np.array(spans, np.float64)


def satisfied_share(evidence: Evidence) -> dict[str, float] | None:
    """Share of the pairs of judged seat and block that were satisfied by each tenth of the deadline, or of the run where there is none."""
    waited = confidence_s(evidence.shared)
    if not waited.size:
        return None
    span_s = (evidence.deadline_ns or evidence.duration_ns) / SECOND_NS
    return {f"{10 * tenth} %": float((waited <= span_s * tenth / 10).mean()) for tenth in range(1, 11)}


def sampling(evidence: Evidence) -> dict[str, Any] | None:
    """The report's table `sampling`; None where no data lies behind blocks."""
    if not evidence.shared:
        return None
    wrong = [believed(evidence, one) for one in evidence.shared if never_came(evidence, one)]
    right = [believed(evidence, one) for one in evidence.shared if in_time(evidence, one)]
    refuted = [(one.refuted_ns[one.judged] - one.published_ns) / SECOND_NS for one in evidence.shared if not one.sound]
    known = [span[span >= 0] for span in refuted]
    return {
        "confidence_s": distribution(confidence_s(evidence.shared)),
        "time_to_sample_s": distribution(time_to_sample_s(evidence.shared)),
        "ninety_percent_s": distribution(ninety_percent_s(evidence.shared)),
        "satisfied_share": satisfied_share(evidence),
        "false_accept": float(np.concatenate(wrong).mean()) if wrong and sum(map(len, wrong)) else None,
        "false_reject": 1 - float(np.concatenate(right).mean()) if right and sum(map(len, right)) else None,
        "unavailable_blocks": sum(never_came(evidence, one) for one in evidence.shared),
        "fraud_known_s": distribution(np.concatenate(known)) if known else None,
    }


def time_to_rebuildable_s(shared: Sequence[Shared]) -> NDArray[np.float64]:
    """Seconds from publication until honest seats other than the publisher held enough of each block's data."""
    spans = [np.inf if one.rebuildable_ns == NEVER else (one.rebuildable_ns - one.published_ns) / SECOND_NS for one in shared]
    return np.array(spans, np.float64)


def final_unavailable(evidence: Evidence) -> dict[str, Any] | None:
    """Blocks that an honest seat decided before their data could be had: how many, what share of all decided, for how long.

    The time runs from the first decision to the data's being available, or to the end of the run. `passed_over` are blocks whose data
    was never there and that nobody honest decided: the orphans of those who keep data back.
    """
    reading = read(evidence)
    shared = {one.digest: one for one in evidence.shared}
    decided = [(place, code) for code, place in enumerate(reading.decisions.digests) if place in shared]
    if not decided:
        return None
    spans = []
    for digest, code in decided:
        times = reading.decided_ns[code]
        first_ns = int(times[times != NEVER].min())
        there_ns = shared[digest].rebuildable_ns
        if there_ns == NEVER or there_ns > first_ns:
            spans.append(((evidence.duration_ns if there_ns == NEVER else there_ns) - first_ns) / SECOND_NS)
    known = dict.fromkeys(digest for digest, _ in decided)
    passed_over = sum(never_came(evidence, one) and one.digest not in known for one in evidence.shared)
    return {"blocks": len(spans), "share": len(spans) / len(decided), "for_s": distribution(spans), "passed_over": passed_over}
