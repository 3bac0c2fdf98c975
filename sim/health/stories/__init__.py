"""What happens in each workload, and what is true about it: one file each, driven by `sim.health.play`."""
