// Optional sounds, made here: off until the person turns them on, and remembered on this computer.

const KEY = "luochui.sound";
const SOUNDS = {
  prompt: [[660, 0, 0.12]],
  outbid: [
    [520, 0, 0.14],
    [390, 0.18, 0.22],
  ],
  won: [
    [523, 0, 0.16],
    [659, 0.18, 0.16],
    [784, 0.36, 0.3],
  ],
};

/** Which sound the step from one moment to the next calls for, or null. Pure. */
export function soundFor(before, after) {
  const { lead } = after;
  if (lead !== before.lead && lead === "outbid") return "outbid";
  if (lead.startsWith("won") && !before.lead.startsWith("won") && before.auction !== null) return "won";
  return after.prompt !== null && after.prompt !== before.prompt ? "prompt" : null;
}

/** A player with a switch; returns play(name). */
export function createSound({ part, t }) {
  const button = part("sound");
  let context = null;
  let on = remembered();

  const draw = () => {
    if (button === null) return;
    button.setAttribute("aria-pressed", String(on));
    button.textContent = t(on ? "sound.on" : "sound.off");
  };

  function play(name) {
    if (!on) return;
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume();
    for (const [frequency, begin, length] of SOUNDS[name])
      tone(context, frequency, context.currentTime + begin, length);
  }

  button?.addEventListener("click", () => {
    on = !on;
    remember(on);
    draw();
    play("prompt");
  });
  draw();
  return play;
}

function tone(context, frequency, begin, length) {
  const [oscillator, volume] = [context.createOscillator(), context.createGain()];
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(0.2, begin + 0.015);
  volume.gain.exponentialRampToValueAtTime(0.001, begin + length);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(begin);
  oscillator.stop(begin + length);
}

function remembered() {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}

function remember(on) {
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {
    // the choice lasts until the page is left
  }
}
