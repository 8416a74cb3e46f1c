"""A pickle's instructions, carried out as far as they make plain values: numbers, text, lists, tuples, dicts, arrays.

A pickle is a program. ``pickletools`` takes it apart, and the machine here carries out those instructions that make
plain values. A name that a pickle asks for is never imported: it is looked up in a short table of our own builders, and
a name that is not there ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pickletools import opcodes, read_bytes8
from typing import Any

import numpy as np

from .builders import PLAIN_NAMES, Budget, Builder, Name, Refusal, Unfinished

Persistent = Callable[[object], object]
"""What stands for something stored outside the pickle -> the value."""
Reader = Callable[[Any], Any]
Builders = Mapping[tuple[str, str], Builder]

DEPTH = 32
"""Lists within lists; real files have 3."""
INTEGER_BITS = 127
_MARK = object()
_OPCODES = {opcode.code: opcode for opcode in opcodes}


def check_plain(value: object) -> None:
    """Raise Refusal unless ``value`` is made of plain values, ``DEPTH`` deep at most, and does not hold itself."""
    level: list[object] = [value]
    for _ in range(DEPTH):
        held: dict[int, object] = {}
        for one in level:
            for inner in _inside(one):
                held[id(inner)] = inner
        if not held:
            return
        level = list(held.values())
    raise Refusal(f"its lists are nested more than {DEPTH} deep, or hold themselves")


def _inside(value: object) -> list[object]:
    """What a plain value holds."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if value is None or isinstance(value, (bool, int, float, str, memoryview, np.ndarray)):
        return []
    raise Refusal(f"it holds a {type(value).__name__} that was never finished, which is no plain value")


class ByteReader:
    """Bytes as the file that ``pickletools`` reads from; slices are views."""

    def __init__(self, data: memoryview, at: int = 0) -> None:
        self._data, self.at = data, at

    def read(self, count: int) -> memoryview:
        """Up to ``count`` bytes."""
        start, self.at = self.at, min(self.at + count, len(self._data))
        return self._data[start : self.at]

    def readline(self) -> bytes:
        """Up to the next line's end, of at most 4096 bytes: longer ones are no names and no numbers."""
        line, sign, _ = bytes(self._data[self.at : self.at + 4096]).partition(b"\n")
        self.at += len(line) + len(sign)
        return line + sign


class Interpreter:
    """Carries out one pickle's instructions, those that make plain values."""

    def __init__(self, source: ByteReader, budget: Budget, builders: Builders, persistent: Persistent | None) -> None:
        self._source, self._budget, self._builders, self._persistent = source, budget, builders, persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value that the pickle ends with."""
        while True:
            code = self._source.read(1)
            opcode = _OPCODES.get(chr(code[0])) if len(code) else None
            if opcode is None:
                raise ValueError("it ends in the middle" if not len(code) else f"{bytes(code)!r} is no instruction")
            if opcode.name not in STEPS:
                raise Refusal(f"it uses the instruction {opcode.name}, which plain values do not need")
            reader: Reader | None = _READERS.get(opcode.name) or (opcode.arg.reader if opcode.arg else None)
            argument = reader(self._source) if reader else None
            if opcode.name == "STOP":
                return self.pop()
            STEPS[opcode.name](self, argument)

    def pop(self) -> Any:
        """The topmost value."""
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a value is missing")
        return value

    def push(self, value: Any) -> None:
        """Lay one value down."""
        if type(value) is int and value.bit_length() > INTEGER_BITS:
            raise Refusal(f"it holds an integer of {value.bit_length()} bits")
        self._stack.append(value)

    def top(self, kind: type) -> Any:
        """The topmost value, which must be a ``kind``."""
        value = self._stack[-1]
        if type(value) is not kind:
            raise ValueError(f"a {kind.__name__} is missing")
        return value

    def drop(self, _: object) -> None:
        """Forget the topmost value."""
        self._stack.pop()

    def mark(self, _: object) -> None:
        """Remember this place of the stack."""
        self._stack.append(_MARK)

    def since_mark(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        count = next((index for index, value in enumerate(reversed(self._stack)) if value is _MARK), None)
        if count is None:
            raise ValueError("a mark is missing")
        values = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count - 1 :]
        return values

    def put(self, key: int) -> None:
        """Remember the topmost value by a number."""
        value = self._stack[-1]
        self._memo[key] = value
        if isinstance(value, Unfinished):
            value.places.append(key)

    def memoize(self, _: object) -> None:
        """Remember the topmost value by the next number."""
        self.put(len(self._memo))

    def get(self, key: int) -> None:
        """Lay down what was remembered."""
        self._stack.append(self._memo[key])

    def extend(self, values: list[Any]) -> None:
        """Add values to the list below them."""
        self.top(list).extend(values)

    def fill(self, values: list[Any]) -> None:
        """Add keys and values to the dict below them."""
        target = self.top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) not in (str, int):
                raise Refusal(f"it has a dict with a {type(key).__name__} for a key; names and numbers are read")
            target[key] = value

    def name(self, module: object, name: object) -> None:
        """Lay down a name that our table knows."""
        if (module, name) not in self._builders and (module, name) not in PLAIN_NAMES:
            raise Refusal(f"it asks for '{str(module)[:60]}.{str(name)[:60]}', which is not a plain value")
        self._stack.append(Name(str(module), str(name)))

    def call(self) -> None:
        """Build what a name and its arguments ask for, with our own builder."""
        arguments, called = self.pop(), self.pop()
        if not isinstance(called, Name) or (called.module, called.name) not in self._builders:
            raise Refusal(f"it calls {called}, which builds no plain value")
        if type(arguments) is not tuple:
            raise ValueError("the arguments of a call are missing")
        self.push(self._builders[called.module, called.name](self._budget, *arguments))

    def finish(self) -> None:
        """Give an array or a dtype the state that follows it."""
        state, target = self.pop(), self.pop()
        if not isinstance(target, Unfinished):
            raise Refusal(f"it sets the state of a {type(target).__name__}, which plain values do not have")
        made = target.finished(self._budget, state)
        for key in target.places:
            self._memo[key] = made
        self._stack.append(made)

    def outside(self) -> None:
        """Lay down something that is stored outside the pickle."""
        if self._persistent is None:
            raise Refusal("it asks for something that is stored elsewhere")
        self._stack.append(self._persistent(self.pop()))


Step = Callable[[Interpreter, Any], None]


def _tuple(count: int) -> Step:
    return lambda machine, _: machine.push(tuple(reversed([machine.pop() for _ in range(count)])))


def _pairs(machine: Interpreter, _: object) -> None:
    value = machine.pop()
    machine.fill([machine.pop(), value])


def _stacked_name(machine: Interpreter, _: object) -> None:
    name = machine.pop()
    machine.name(machine.pop(), name)


def _dict(machine: Interpreter, _: object) -> None:
    values = machine.since_mark()
    machine.push({})
    machine.fill(values)


_READERS: Mapping[str, Reader] = {
    "BYTEARRAY8": read_bytes8,  # the instruction's own reader would copy
    "GLOBAL": lambda source: [source.readline().decode().removesuffix("\n") for _ in range(2)],  # ... undo escapes
}
_VALUES = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip
STEPS: Mapping[str, Step] = {
    **dict.fromkeys(_VALUES, Interpreter.push),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda *_: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), Interpreter.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Interpreter.get),
    "MEMOIZE": Interpreter.memoize,
    "MARK": Interpreter.mark,
    "POP": Interpreter.drop,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": _dict,
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": _pairs,
    "SETITEMS": lambda machine, _: machine.fill(machine.since_mark()),
    "GLOBAL": lambda machine, names: machine.name(*names),
    "STACK_GLOBAL": _stacked_name,
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.finish(),
    "BINPERSID": lambda machine, _: machine.outside(),
}
"""The instructions that make plain values, by ``pickletools``' names."""

__all__ = ["Builders", "ByteReader", "Interpreter", "Persistent", "check_plain"]
