from lipsmith_bar import SPEC

from lipsmith.testing import EngineConformance


class TestBar(EngineConformance):
    spec = SPEC
