import { App } from "./app.js";
import { listenForShortcuts } from "./shortcuts.js";
import { afterView } from "./views/after.js";
import { greenView } from "./views/green.js";
import { landingView } from "./views/landing.js";
import { roomView } from "./views/room.js";
import { toastView } from "./views/toasts.js";

/** @import { State } from "./types.js" */
/** @typedef {{element: HTMLElement, draw: (state: State) => void}} View */

const app = new App();
const place = /** @type {HTMLElement} */ (document.getElementById("app"));

/** Made when they are first seen, and then kept. @type {Readonly<Record<State["screen"], (app: App) => View>>} */
const VIEWS = Object.freeze({ landing: landingView, green: greenView, room: roomView, after: afterView });
/** @type {Map<State["screen"], View>} */
const views = new Map();
/** @type {State["screen"] | ""} */
let shown = "";

/** @param {State} state */
function draw(state) {
  const { screen, room } = state;
  const view = views.get(screen) ?? VIEWS[screen](app);
  views.set(screen, view);
  if (screen === shown) {
    view.draw(state);
    return;
  }
  const first = shown === "";
  shown = screen;
  place.replaceChildren(...(view.element.id === "landing" ? [] : [view.element]));
  document.title = room && screen !== "landing" ? `${room} · Parley` : "Parley";
  view.draw(state);
  if (!first) view.element.querySelector("h1")?.focus({ preventScroll: true });
}

app.arrive();
app.subscribe(draw);
const toasts = toastView(app);
document.body.append(toasts.element);
app.subscribe(toasts.draw);
listenForShortcuts(app);
document.querySelector(".wordmark")?.addEventListener("click", (event) => {
  event.preventDefault();
  app.home();
});
