"""Files of other apps, whose rows are sets."""
