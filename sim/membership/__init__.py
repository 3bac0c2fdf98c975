"""Floor 3: who takes part, as the seats themselves find out: failure detectors and peer sampling, beside any gossip."""
