"""Keeps environment.json up to date while training: software, time spent, epochs done, what went wrong."""

import time

from coursework.models.base import GenerativeModel
from coursework.training.environment import describe_environment, environment_differences
from coursework.training.run import Report, Run
from coursework.training.state import Position


class Record:
    """The record of one training in `run`; it continues the earlier record where `start` is not the beginning.

    `seconds` of the clock include a laptop's sleep and other work of the machine; `processor_seconds`, summed over the
    cores, count only what this training used. `incidents` holds {"kind", "epoch", "step", "text"} of everything that
    the guards found; `changes` what changed in the environment when training resumed. description: what it says of the
    data. report: called with one line of text.
    """

    def __init__(
        self,
        run: Run,
        description: dict,
        images_per_epoch: int,
        model: GenerativeModel,
        start: Position,
        report: Report,
    ):
        self.run = run
        self.images_per_epoch = images_per_epoch
        resumed = start.epoch > 0 or start.step > 0
        before = run.read_environment() if resumed else {}
        self.clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
        # What each clock would have shown when the training began, had it never stopped.
        self.started = {name: clock() - before.get(name, 0.0) for name, clock in self.clocks.items()}
        environment = describe_environment()
        self.content = {
            **environment,
            **description,
            "parameters": {name: network.count_params() for name, network in model.networks().items()},
            # Incidents after the point that training resumes from are dropped.
            "incidents": [entry for entry in before.get("incidents", []) if entry["epoch"] <= start.epoch],
            "changes": before.get("changes", []),
        }
        changed = environment_differences(before, environment) if resumed else {}
        if changed:
            self.content["changes"] = [*self.content["changes"], {"after": str(start), **changed}]
            words = "; ".join(f"{name} was {old}, is {new}" for name, (old, new) in changed.items())
            report(f"resuming in another environment than before ({words}): results may differ")
        self.done = start.epoch
        self.save(start.epoch)

    def add_incident(self, incident: dict) -> None:
        """Add what a guard has found."""
        self.content["incidents"].append(incident)
        self.save(self.done)

    def save(self, epoch: int, finished: bool = False) -> None:
        """Write environment.json after `epoch` epochs."""
        self.done = epoch
        self.run.write_environment(
            {
                **self.content,
                **{name: round(clock() - self.started[name], 2) for name, clock in self.clocks.items()},
                "epochs_done": epoch,
                "images_seen": epoch * self.images_per_epoch,
                "finished": finished,
            }
        )
