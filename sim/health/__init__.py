"""Healthcare workloads: who writes and reads which records when, and what that came to. All records are invented."""
