/**
 * Why the camera or the microphone does not come, and what helps in which browser.
 * @typedef {"chrome" | "firefox" | "safari" | "other"} Browser
 */

/** @param {string} agent of the browser @returns {Browser} */
export function browserOf(agent) {
  if (/Firefox\/|FxiOS\//u.test(agent)) return "firefox";
  if (/Chrome\/|Chromium\/|CriOS\/|Edg/u.test(agent)) return "chrome";
  return /Safari\//u.test(agent) ? "safari" : "other";
}

/**
 * @param {unknown} error of getUserMedia
 * @returns {string} refused, system, absent, busy, unfit, insecure or unknown
 */
export function problemOf(error) {
  const { name = "", message = "" } = /** @type {{name?: string, message?: string}} */ (error ?? {});
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return /system/iu.test(message) ? "system" : "refused";
    case "NotFoundError":
    case "DevicesNotFoundError":
      return "absent";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "OverconstrainedError":
      return "unfit";
    case "SecurityError":
    case "TypeError":
      return "insecure";
    default:
      return "unknown";
  }
}

/** @type {Readonly<Record<Browser, string>>} */
const ALLOW = {
  chrome: "Click the icon at the start of the address bar, switch WHAT on, then try again.",
  firefox: "Click the crossed-out icon in the address bar, remove the block of the WHAT, then try again.",
  safari:
    "Choose Safari → Settings for This Website (on an iPhone: the icon in the address bar → Website Settings), allow the WHAT, then try again.",
  other: "Allow the WHAT for this page in the browser’s settings, then try again.",
};

/**
 * @param {"mic" | "camera" | "both"} which
 * @param {string} problem
 * @param {Browser} browser
 * @returns {string} a sentence or two for a person
 */
export function adviceOf(which, problem, browser) {
  const what = { mic: "microphone", camera: "camera", both: "camera and microphone" }[which];
  switch (problem) {
    case "refused":
      return `The browser was told not to give the ${what} to this page. ${ALLOW[browser].replaceAll("WHAT", what)}`;
    case "system":
      return `The system keeps the ${what} from the browser. Allow it in the system’s privacy settings, then try again.`;
    case "absent":
      return `There is no ${what.replace("and", "and no")}. Connect one, or join without.`;
    case "busy":
      return `Another program, or another browser, has the ${what}. Close it there, then try again.`;
    case "unfit":
      return `The ${what} chosen last cannot be had any more. Choose another one.`;
    case "insecure":
      return `Browsers give the ${what} only to pages that come over HTTPS.`;
    case "ended":
      return `The ${what} went away: unplugged, or taken by another program.`;
    default:
      return `The ${what} did not start, and the browser does not say why.`;
  }
}
