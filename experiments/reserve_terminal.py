"""x"""

from experiments.figures import Study

STUDY = Study("reserve-terminal", "t", (1,), "x", lambda s: [])
