"""A page that shows runs while they happen: one page, one socket, on this machine only. It reads a run and cannot change it."""
