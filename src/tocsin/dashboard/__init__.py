"""Pages for people. They read and write through the API, as anybody may."""
