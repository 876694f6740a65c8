"""One decoder per wire protocol; nothing past it knows which one was spoken."""
