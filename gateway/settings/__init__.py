"""Settings: one frozen object, read once at start from `GATEWAY_…` variables and flags.

    settings   all of them, each declared once
    knobs      how one is declared, named and read
    checks     what one may hold
    agreement  what several may hold together
    page       docs/settings.md, made from the declarations

The environment's names and the flags (`gateway.cli`) are made from the declarations as well.
"""

from gateway.settings.knobs import PREFIX, SettingsError, flag_of, variable_of
from gateway.settings.settings import Settings, choices_of, default_of, is_switch

__all__ = [
    "PREFIX",
    "Settings",
    "SettingsError",
    "choices_of",
    "default_of",
    "flag_of",
    "is_switch",
    "variable_of",
]
