"""The verbs of the command line: what each accepts, and whom it calls.

Every verb imports what it needs when it runs, so that `--help` answers at once and `report` needs no TensorFlow.
"""

from coursework.verbs import collages, downstream, pegasus, results, rings, scoring, submission, training
from coursework.verbs.training import configure

__all__ = ["add_verbs", "configure"]


def add_verbs(verbs):
    """Add every verb to argparse's `verbs`; a parsed verb is `arguments.verb(arguments)`."""
    training.add_train(verbs)
    results.add_sample(verbs)
    scoring.add_evaluate(verbs)
    scoring.add_metrics(verbs)
    training.add_judge(verbs)
    training.add_study(verbs)
    downstream.add_downstream(verbs)
    downstream.add_aggregate_posterior(verbs)
    collages.add_collages(verbs)
    pegasus.add_pegasus(verbs)
    pegasus.add_pegasus_benchmark(verbs)
    results.add_figures(verbs)
    results.add_compare(verbs)
    results.add_tables(verbs)
    results.add_report(verbs)
    submission.add_submission(verbs)
    results.add_lines(verbs)
    rings.add_rings(verbs)
    rings.add_lesson(verbs)
    results.add_demo(verbs)
