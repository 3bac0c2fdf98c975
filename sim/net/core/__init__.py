"""The compiled delivery core: one file an idea, all of it also runs interpreted."""
