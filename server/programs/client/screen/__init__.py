"""Formatted output of the commands.

console.py    sentences and tables, aligned with spaces if the output is not a terminal
workouts.py   a table of workouts, and one workout with its sets
stats.py      totals, streaks, and sums with bars
calendar.py   a year as a grid of weeks and days
exercises.py  exercises, records and progress as tables
plot.py       progress as a plot
imported.py   the result of an import
progress.py   progress bars of uploads and downloads
"""
