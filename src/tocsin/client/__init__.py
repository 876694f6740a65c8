"""What runs beside a job: it wraps a command, and reports over the native API. It knows nothing of the server's inside.

Started by cron at the same second as everything else, it must be up in no time: nothing here imports at its top what
a run needs only later, and nothing at all of the server.
"""
