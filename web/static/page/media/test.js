import { audio } from "./audio.js";

const WIDTH = 640;
const HEIGHT = 360;
const RATE = 15; // pictures a second
const LOUD = 0.015; // 1 would be as loud as it gets
const PITCH = 220; // Hz

/**
 * A moving picture for those without a camera: two laptops, or two windows on one, can try a call with it.
 * @param {string} name is written on it
 * @returns {MediaStreamTrack}
 */
export function testPicture(name) {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d");
  const [track] = canvas.captureStream(RATE).getVideoTracks();
  if (!pen || !track) throw new DOMException("there is no canvas to draw on", "NotFoundError");
  const began = performance.now();
  const draw = () => {
    if (track.readyState === "ended") clearInterval(timer);
    else paint(pen, (performance.now() - began) / 1000, name);
  };
  const timer = setInterval(draw, 1000 / RATE); // not animation frames: those stop in the background
  draw();
  return track;
}

/** @param {CanvasRenderingContext2D} pen @param {number} time s @param {string} name */
function paint(pen, time, name) {
  const sky = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
  sky.addColorStop(0, "#12443a");
  sky.addColorStop(1, "#0d2430");
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  for (let i = 0; i < 3; i++) {
    const turn = time * (0.5 + i * 0.17) + i * 2;
    pen.beginPath();
    pen.arc(WIDTH / 2 + Math.cos(turn) * 200, HEIGHT / 2 + Math.sin(turn * 1.3) * 90, 46 - i * 10, 0, 2 * Math.PI);
    pen.fillStyle = ["#3ecf9f55", "#7fd6ff44", "#ffd98044"][i] ?? "";
    pen.fill();
  }
  pen.fillStyle = "#ffffff";
  pen.textAlign = "center";
  pen.font = "600 40px system-ui, sans-serif";
  pen.fillText(name || "Test picture", WIDTH / 2, HEIGHT / 2 + 4, WIDTH - 60);
  pen.font = "20px system-ui, sans-serif";
  pen.fillStyle = "#ffffffcc";
  pen.fillText(`test picture, ${time.toFixed(1)} s`, WIDTH / 2, HEIGHT / 2 + 44);
}

/**
 * A quiet tone that swells and fades, for those without a microphone.
 * @returns {MediaStreamTrack}
 */
export function testTone() {
  const context = audio();
  const end = context.createMediaStreamDestination();
  const tone = new OscillatorNode(context, { frequency: PITCH });
  const swell = new OscillatorNode(context, { frequency: 0.5 });
  const depth = new GainNode(context, { gain: LOUD / 2 });
  const volume = new GainNode(context, { gain: LOUD / 2 });
  swell.connect(depth).connect(volume.gain);
  tone.connect(volume).connect(end);
  tone.start();
  swell.start();
  const [track] = end.stream.getAudioTracks();
  if (!track) throw new DOMException("there is no sound", "NotFoundError");
  return track;
}
