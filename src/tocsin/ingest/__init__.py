"""Where machines talk to us: check-ins in, receipts out, one commit for many."""
