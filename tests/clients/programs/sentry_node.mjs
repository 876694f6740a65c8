// What somebody's program looks like who reports with the Node.js SDK. The DSN is in the environment.
import * as Sentry from "@sentry/node";

Sentry.init({ environment: "staging", release: "web@7" });

await Sentry.withMonitor("with-monitor", () => new Promise((done) => setTimeout(done, 100)), {
  schedule: { type: "crontab", value: "*/5 * * * *" },
  checkinMargin: 2,
  maxRuntime: 10,
  timezone: "America/Los_Angeles",
  failureIssueThreshold: 2,
  recoveryThreshold: 3,
});

try {
  Sentry.withMonitor("fails", () => { throw new Error("the job fails"); }, {
    schedule: { type: "interval", value: 1, unit: "month" },
  });
} catch {}

const checkInId = Sentry.captureCheckIn({ monitorSlug: "with-monitor", status: "in_progress" });
Sentry.captureCheckIn({ checkInId, monitorSlug: "with-monitor", status: "error", duration: 3.5 });
await Sentry.flush(10_000);
