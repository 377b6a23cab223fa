"""Looking after a catalogue: what it holds, what is wrong, copies, and what was trained."""
