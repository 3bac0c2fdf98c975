"""`python -m sim` is the command `medgossip`."""

from sim.cli import main

raise SystemExit(main())
