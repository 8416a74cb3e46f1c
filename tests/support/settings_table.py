"""The table of settings in docs/server.md, as the class makes it.

``python -m tests.support.settings_table`` prints it.
"""

from __future__ import annotations

from lipsmith.server.config import ServerSettings, flag_of, variable_of

HEAD = ("| flag | variable | default | |", "|---|---|---|---|")


def settings_table() -> str:
    """The whole table, a row for each setting in the order of the class."""
    rows = []
    for name, field in ServerSettings.model_fields.items():
        flag = f"`{flag_of(name)}`" if flag_of(name) else ""
        default = "" if field.default in ("", False) else field.default
        rows.append(f"| {flag} | `{variable_of(name)}` | {default} | {field.description} |")
    return "\n".join((*HEAD, *rows))


if __name__ == "__main__":
    print(settings_table())
