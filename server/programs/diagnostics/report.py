"""Output of findings for people."""

from collections.abc import AsyncIterator

from rich.console import Console
from rich.text import Text

from server.programs.diagnostics.finding import Finding, Level

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}


async def report(findings: AsyncIterator[Finding], console: Console | None = None) -> bool:
    """Print findings as they arrive; return False if one of them is a fault."""
    console = console or Console(highlight=False)
    healthy = True
    async for finding in findings:
        healthy = healthy and finding.level is not Level.FAULT
        line = Text(f"{finding.level.value:<8}", STYLES[finding.level])
        line.append(f"{finding.subject}: {finding.text}", "default")
        console.print(line, soft_wrap=True)
        if finding.advice:
            console.print(Text(f"        → {finding.advice}"), soft_wrap=True)
    return healthy
