"""An interpreter for the pickle instructions that make plain values: numbers, text, lists, tuples, dicts and arrays.

A pickle is a program for a stack machine. ``pickletools`` splits it into instructions. The interpreter runs those that
make plain values and refuses a file that has any other. A name in a pickle is never imported: it is looked up in
a short table of our own builders, and the file is refused if the table lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pickletools import OpcodeInfo, opcodes, read_bytes8
from typing import Any

import numpy as np

from .builders import PLAIN_NAMES, Builder, CopyBudget, GlobalName, RefusedPickle, StatefulObject

PersistentLoader = Callable[[object], object]
"""From a persistent id, the reference to a value stored outside the pickle, to that value."""
ArgumentReader = Callable[[Any], Any]
Builders = Mapping[tuple[str, str], Builder]

MAX_DEPTH = 32
"""Most levels of lists within lists; real files have 3."""
MAX_INTEGER_BITS = 127
_MARK = object()
_OPCODES = {opcode.code: opcode for opcode in opcodes}


def check_plain(value: object) -> None:
    """Raise RefusedPickle unless ``value`` is plain, nested at most ``MAX_DEPTH`` deep, and does not contain itself."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        inner: dict[int, object] = {}  # by id: each object is visited once per level
        for one in level:
            for item in _items(one):
                inner[id(item)] = item
        if not inner:
            return
        level = list(inner.values())
    raise RefusedPickle(f"its lists are nested more than {MAX_DEPTH} deep, or hold themselves")


def _items(value: object) -> list[object]:
    """The items of a plain container; none for other plain values."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if value is None or isinstance(value, (bool, int, float, str, memoryview, np.ndarray)):
        return []
    raise RefusedPickle(f"it holds an incomplete {type(value).__name__}, which is no plain value")


class ByteReader:
    """Bytes as a file for ``pickletools`` to read from. What is read is a view, not a copy."""

    def __init__(self, data: memoryview, position: int = 0) -> None:
        self._data, self.position = data, position

    def read(self, count: int) -> memoryview:
        """Up to ``count`` bytes."""
        start, self.position = self.position, min(self.position + count, len(self._data))
        return self._data[start : self.position]

    def readline(self) -> bytes:
        """Up to the end of the line, at most 4096 bytes: no name and no number is longer."""
        line, end, _ = bytes(self._data[self.position : self.position + 4096]).partition(b"\n")
        self.position += len(line) + len(end)
        return line + end


class Interpreter:
    """Runs one pickle.

    Args:
        source: the pickle's bytes.
        budget: of the whole file.
        builders: for the names that it may call.
        persistent: loads values stored outside the pickle; None: there are none.
    """

    def __init__(
        self, source: ByteReader, budget: CopyBudget, builders: Builders, persistent: PersistentLoader | None
    ) -> None:
        self._source, self._budget, self._builders, self._persistent = source, budget, builders, persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The pickle's value.

        Raises:
            RefusedPickle: it asks for more than plain values.
            ValueError: it is damaged; other built-in errors may be raised too.
        """
        while True:
            code = self._source.read(1)
            opcode = _OPCODES.get(chr(code[0])) if len(code) else None
            if opcode is None:
                raise ValueError("it ends in the middle" if not len(code) else f"{bytes(code)!r} is no instruction")
            if opcode.name not in STEPS:
                raise RefusedPickle(f"it uses the instruction {opcode.name}, which plain values do not need")
            argument = _read_argument(opcode, self._source)
            if opcode.name == "STOP":
                return self.pop()
            STEPS[opcode.name](self, argument)

    def pop(self) -> Any:
        """Remove and return the topmost value."""
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a value is missing")
        return value

    def push(self, value: Any) -> None:
        """Push one value."""
        if type(value) is int and value.bit_length() > MAX_INTEGER_BITS:
            raise RefusedPickle(f"it holds an integer of {value.bit_length()} bits")
        self._stack.append(value)

    def top(self, kind: type) -> Any:
        """The topmost value, which must be of type ``kind`` and stays."""
        value = self._stack[-1]
        if type(value) is not kind:
            raise ValueError(f"a {kind.__name__} is missing")
        return value

    def drop(self, _: object) -> None:
        """Remove the topmost value."""
        self._stack.pop()

    def mark(self, _: object) -> None:
        """Push a mark."""
        self._stack.append(_MARK)

    def since_mark(self) -> list[Any]:
        """Remove and return everything above the last mark, and remove the mark."""
        count = next((index for index, value in enumerate(reversed(self._stack)) if value is _MARK), None)
        if count is None:
            raise ValueError("a mark is missing")
        values = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count - 1 :]
        return values

    def put(self, key: int) -> None:
        """Store the topmost value in the memo as ``key``."""
        value = self._stack[-1]
        self._memo[key] = value
        if isinstance(value, StatefulObject):
            value.memo_keys.append(key)

    def memoize(self, _: object) -> None:
        """Store the topmost value in the memo under the next key."""
        self.put(len(self._memo))

    def get(self, key: int) -> None:
        """Push the value that the memo holds as ``key``."""
        self._stack.append(self._memo[key])

    def extend(self, values: list[Any]) -> None:
        """Append values to the list on top of the stack."""
        self.top(list).extend(values)

    def update(self, values: list[Any]) -> None:
        """Add keys and values, in turn, to the dict on top of the stack."""
        target = self.top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) not in (str, int):
                raise RefusedPickle(
                    f"it has a dict with a {type(key).__name__} for a key; keys can be text or integers"
                )
            target[key] = value

    def name(self, module: object, name: object) -> None:
        """Push a name, if it may occur."""
        if (module, name) not in self._builders and (module, name) not in PLAIN_NAMES:
            raise RefusedPickle(f"it asks for '{str(module)[:60]}.{str(name)[:60]}', which is not a plain value")
        self._stack.append(GlobalName(str(module), str(name)))

    def call(self) -> None:
        """Call our own builder for a name, with the arguments on top of the stack."""
        arguments, called = self.pop(), self.pop()
        if not isinstance(called, GlobalName) or (called.module, called.name) not in self._builders:
            raise RefusedPickle(f"it calls {called}, which builds no plain value")
        if type(arguments) is not tuple:
            raise ValueError("the arguments of a call are missing")
        self.push(self._builders[called.module, called.name](self._budget, *arguments))

    def build(self) -> None:
        """Complete an array or a dtype with the state on top of the stack, in the memo too."""
        state, target = self.pop(), self.pop()
        if not isinstance(target, StatefulObject):
            raise RefusedPickle(f"it sets the state of a {type(target).__name__}, which plain values do not have")
        complete = target.with_state(state)
        for key in target.memo_keys:
            self._memo[key] = complete
        self._stack.append(complete)

    def load_persistent(self) -> None:
        """Push a value that is stored outside the pickle."""
        if self._persistent is None:
            raise RefusedPickle("it asks for something that is stored elsewhere")
        self._stack.append(self._persistent(self.pop()))


Step = Callable[[Interpreter, Any], None]


def _tuple(count: int) -> Step:
    return lambda machine, _: machine.push(tuple(reversed([machine.pop() for _ in range(count)])))


def _set_item(machine: Interpreter, _: object) -> None:
    value = machine.pop()
    machine.update([machine.pop(), value])


def _stack_global(machine: Interpreter, _: object) -> None:
    name = machine.pop()
    machine.name(machine.pop(), name)


def _dict(machine: Interpreter, _: object) -> None:
    values = machine.since_mark()
    machine.push({})
    machine.update(values)


_ARGUMENT_READERS: Mapping[str, ArgumentReader] = {
    "BYTEARRAY8": read_bytes8,  # the reader of ``pickletools`` would copy
    "GLOBAL": lambda source: [source.readline().decode().removesuffix("\n") for _ in range(2)],  # ... undo escapes
}


def _read_argument(opcode: OpcodeInfo, source: ByteReader) -> Any:
    """The argument that follows an instruction; None for instructions that take none."""
    reader: ArgumentReader | None = _ARGUMENT_READERS.get(opcode.name) or (opcode.arg.reader if opcode.arg else None)
    return reader(source) if reader else None


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
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.update(machine.since_mark()),
    "GLOBAL": lambda machine, names: machine.name(*names),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.load_persistent(),
}
"""The instructions that make plain values, by their names in ``pickletools``."""

__all__ = ["Builders", "ByteReader", "Interpreter", "PersistentLoader", "check_plain"]
