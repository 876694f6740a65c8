"""Every named reason a decision can have. The same name reaches the row, the log line, the metric and the page."""

from enum import StrEnum


class Reason(StrEnum):
    # what a check-in did
    RUN_STARTED = "run_started"
    RUN_RECORDED = "run_recorded"
    RUN_CLOSED = "run_closed"
    RUN_CORRECTED = "run_corrected"
    START_ADDED = "start_added"
    DURATION_ADDED = "duration_added"
    OLDER_RESULT = "older_result"
    DUPLICATE = "duplicate"
    LOGGED = "logged"
    PROLONGED = "prolonged"
    REVIVED = "revived"
    OUT_OF_ORDER = "out_of_order"
    ALREADY_FINISHED = "already_finished"

    # what an event did
    EVENT_OPENED = "event_opened"
    EVENT_JOINED = "event_joined"
    EVENT_UNMATCHED = "event_unmatched"
    EVENT_TOO_OLD = "event_too_old"

    # why a check-in was dropped, or a part of it
    INVALID_CHECK_IN = "invalid_check_in"
    INVALID_CONFIG = "invalid_config"
    UNKNOWN_JOB = "unknown_job"
    WRONG_ENVIRONMENT = "wrong_environment"
    TOO_MANY_CHECK_INS = "too_many_check_ins"
    TENANT_NOT_ACTIVE = "tenant_not_active"

    # what a passed deadline meant
    MISSED = "missed"
    MISSED_AFTER_REPORT = "missed_after_report"
    STILL_RUNNING = "still_running"
    UNKNOWN_WE_WERE_AWAY = "unknown_we_were_away"
    TIMED_OUT = "timed_out"
    UNKNOWN_PAUSED = "unknown_paused"
    NOT_DUE = "not_due"

    # why an incident changed
    MISS_THRESHOLD_MET = "miss_threshold_met"
    IMPACT_THRESHOLD_MET = "impact_threshold_met"
    FAILURE_THRESHOLD_MET = "failure_threshold_met"
    AFFECTED_IN_RECOVERY = "affected_in_recovery"
    AFFECTED_IN_COOLDOWN = "affected_in_cooldown"
    PATTERN_MATCHED = "pattern_matched"
    EVENT_IN_RECOVERY = "event_in_recovery"
    EVENT_IN_COOLDOWN = "event_in_cooldown"
    NO_EVENTS = "no_events"
    NOBODY_AFFECTED = "nobody_affected"
    STABLE = "stable"
    RESOLVED_MANUALLY = "resolved_manually"
    JOB_PAUSED = "job_paused"
    JOB_DELETED = "job_deleted"
    TENANT_DEACTIVATED = "tenant_deactivated"
    STREAM_FORGOTTEN = "stream_forgotten"
    SCOPE_NARROWED = "scope_narrowed"

    # why an alert is held
    MUTED = "muted"
    IN_MAINTENANCE = "in_maintenance"
    SNOOZED = "snoozed"
    PARENT_OPEN = "parent_open"

    # what became of a delivery before it was sent
    QUEUED = "queued"
    DELAYED = "delayed"
    SHARED = "shared"
    INCIDENT_RECOVERING = "incident_recovering"
    TOLD_WITH_OPENING = "told_with_opening"
    RESOLVED_WITHIN_DELAY = "resolved_within_delay"
    NOT_OPEN_ANY_MORE = "not_open_any_more"
    NOTHING_LEFT = "nothing_left"
    SUPERSEDED = "superseded"
    CHANNEL_DISABLED = "channel_disabled"
    HELD = "held"

    # why a row is kept no longer
    LOG_EXPIRED = "log_expired"
    RUN_EXPIRED = "run_expired"
    EVENT_EXPIRED = "event_expired"
    DELIVERY_EXPIRED = "delivery_expired"
    ALERT_EXPIRED = "alert_expired"
    REJECTION_EXPIRED = "rejection_expired"
    AUDIT_EXPIRED = "audit_expired"
