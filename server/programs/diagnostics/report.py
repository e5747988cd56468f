"""Findings for people to read."""

from collections.abc import AsyncIterator

from rich.console import Console
from rich.text import Text

from server.programs.diagnostics.finding import Finding, Level

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}


async def report(findings: AsyncIterator[Finding], console: Console | None = None) -> bool:
    """Prints findings as they come. Returns whether there is no fault among them."""
    console = console or Console(highlight=False)
    well = True
    async for finding in findings:
        well = well and finding.level is not Level.FAULT
        line = Text(f"{finding.level.value:<8}", STYLES[finding.level])
        line.append(f"{finding.subject}: {finding.text}", "default")
        console.print(line, soft_wrap=True)
        if finding.advice:
            console.print(Text(f"        → {finding.advice}"), soft_wrap=True)
    return well
