"""HotStuff and its descendants: a leader gathers votes into certificates, and views change by a pacemaker of their own."""
