"""What is true about time, silence and incidents. Pure: no I/O, no clock, no logging."""
