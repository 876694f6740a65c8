// The scripts of every page. Each makes a page that works without it a little better; none is needed.
import { keepAccount } from "./forms.js";
import { pointAtSlots } from "./grid.js";
import { watchKeys } from "./keyboard.js";
import { readLinkToken } from "./links.js";
import { goLive } from "./live.js";
import { previewSchedules } from "./schedules.js";
import { offerThemes } from "./theme.js";
import { showTimes } from "./times.js";

showTimes(document);
offerThemes();
keepAccount();
readLinkToken();
watchKeys();
goLive();
previewSchedules();
pointAtSlots();
