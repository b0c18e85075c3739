"""The dashboard's own colours: calm, few, and never the only sign of anything."""

from textual.theme import Theme

THEME = Theme(
    name="overscope",
    primary="#6ea8d8",
    secondary="#8d9db0",
    accent="#6ea8d8",
    warning="#d8a657",
    error="#e5736b",
    success="#88b67c",
    foreground="#cfd6dd",
    background="#12161b",
    surface="#171c22",
    panel="#1d232b",
    dark=True,
    variables={
        "quiet": "#7f8b98",
        "rule-line": "#34404c",
        "rule-line-focus": "#6ea8d8",
        "cursor-back": "#263544",
        "cursor-back-blurred": "#1d2731",
        "head": "#e8edf2",
        "restricted": "#e0915f",
        "allowed": "#566573",
    },
)
