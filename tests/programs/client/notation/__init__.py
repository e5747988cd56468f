"""The notation of exercises and sets."""
