"""Keeps environment.json true while training: software, time spent, epochs done, what went wrong."""

import time

from coursework.training.environment import describe_environment, environment_differences


class Record:
    """The record of one training in `run`, continued from that of earlier sittings where `start` is not the beginning.

    Seconds by the clock count a laptop's sleep and whatever else the machine did; `processor_seconds`, summed over the
    cores, count only what this training used. `incidents` holds {"kind", "epoch", "step", "text"} of everything that
    the guards found; `sittings` what changed around the run from one to the next. report: called with one line of text.
    """

    def __init__(self, run, task, model, start, report):
        self.run = run
        self.images_per_epoch = task.images_per_epoch
        resumed = start.epoch > 0 or start.step > 0
        before = run.read_environment() if resumed else {}
        self.clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
        # What a clock of this sitting showed when the training's time was zero.
        self.started = {name: clock() - before.get(name, 0.0) for name, clock in self.clocks.items()}
        environment = describe_environment()
        self.content = {
            **environment,
            **task.description,
            "parameters": {name: network.count_params() for name, network in model.networks().items()},
            # What lies ahead of where training goes on from has not happened.
            "incidents": [entry for entry in before.get("incidents", []) if entry["epoch"] <= start.epoch],
            "changes": before.get("changes", []),
        }
        changed = environment_differences(before, environment) if resumed else {}
        if changed:
            self.content["changes"] = [*self.content["changes"], {"after": str(start), **changed}]
            words = "; ".join(f"{name} was {old}, is {new}" for name, (old, new) in changed.items())
            report(f"going on in another environment than before ({words}): exact repetition is not to be expected")
        self.done = start.epoch
        self.save(start.epoch)

    def add_incident(self, incident: dict) -> None:
        """Write down what a guard has found."""
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
