"""Settings from files: `HOMIN_<FIELD>_FILE` names a file that holds the value, as container secrets do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource


class SecretUnreadable(Exception):
    """A file that a setting is to come from cannot be read; the text says which, and why."""


class SecretFiles(PydanticBaseSettingsSource):
    """Comes after the environment: a value that is set there wins over its file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The file's content without the white space around it, which editors and `echo` leave."""
        variable = f"HOMIN_{field_name}_FILE".upper()
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as why:
            reason = why.strerror if isinstance(why, OSError) else "it is not UTF-8"
            raise SecretUnreadable(f"{variable}: {path} cannot be read: {reason}.") from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}
