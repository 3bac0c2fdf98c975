"""One tree of errors, so that a caller can tell your mistake, our mistake and the world's.

    SimError
    ├── ScenarioError       a scenario file, an option or a request is wrong: one sentence, exit status 2
    ├── ProtocolError       honest protocol code broke a rule of the house: stops the run
    ├── Stuck               nothing is left to happen before the end; says who waits for what
    ├── StandsStill         virtual time does not go on; says at which instant and who is at work
    ├── TooMuch             a bound was reached: messages, inbox, memory
    └── EnvironmentTrouble  disk, worker or other surroundings failed: exit status 3

`Invalid` is no error: honest code raises it at a message that breaks the rules, which is then ignored and recorded.
"""

from __future__ import annotations


class SimError(Exception):
    """Everything that medgossip raises on purpose."""


class ScenarioError(SimError):
    """What the user asked for is wrong. `path` is the key, such as `link.latency.median`, or ''."""

    def __init__(self, sentence: str, path: str = "") -> None:
        super().__init__(f"{path}: {sentence}" if path else sentence)
        self.sentence = sentence
        self.path = path

    def under(self, prefix: str) -> ScenarioError:
        """The same error, its key seen from a table further out."""
        return ScenarioError(self.sentence, f"{prefix}.{self.path}" if self.path else prefix)


class ProtocolError(SimError):
    """Honest protocol code did what no honest code may."""


class Stuck(SimError):
    """The world fell silent before the end of the run."""


class StandsStill(SimError):
    """Everything happens at one instant, without end."""


class TooMuch(SimError):
    """A bound of the simulation was reached."""


class EnvironmentTrouble(SimError):
    """The surroundings failed: no space, no permission, a dead worker."""


class Invalid(Exception):
    """A received message breaks the protocol's rules: it is dropped and noted, and changes nothing."""
