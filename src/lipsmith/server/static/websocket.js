// Seeing and hearing a session by a WebSocket, where WebRTC does not get through: JPEG pictures and PCM, both ways.
const SOUND_IN = 1, SOUND_OUT = 2, JPEG = 3;
const HEADER = 16; // bytes: u8 kind, u8 flags, u16 zero, u32 length, u64 time in samples
const LEAD = 0.15; // seconds between a sound's coming and its playing
const PATIENCE = 8000; // ms until the first picture

export async function byWebSocket({ session, canvas, lost, report }) {
  const path = session.links.ws ?? `${session.links.self}/ws`;
  const place = new URL(path + (session.token ? `?token=${session.token}` : ""), window.location.href);
  place.protocol = place.protocol.replace("http", "ws");
  const socket = new WebSocket(place);
  socket.binaryType = "arraybuffer";
  const player = play(session.rate);
  const count = { frames: 0, at: performance.now() };
  let done = false, stopMicrophone = null, began = null;
  const first = new Promise((resolve) => { began = resolve; });

  const close = () => {
    done = true;
    clearInterval(timer);
    stopMicrophone?.();
    socket.close();
    player.close();
  };
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", picture: "jpeg", rate: 24000 }));
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return;
    const view = new DataView(data);
    const kind = view.getUint8(0), time = Number(view.getBigUint64(8, true)), body = data.slice(HEADER);
    if (kind === SOUND_OUT) player.push(new Int16Array(body), time);
    if (kind === JPEG) createImageBitmap(new Blob([body], { type: "image/jpeg" })).then((image) => player.at(time, () => paint(image)));
    if (kind === JPEG) socket.send(JSON.stringify({ type: "ack", time }));
  };
  const paint = (image) => {
    if (canvas.width !== image.width || canvas.height !== image.height) Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    image.close();
    count.frames += 1;
    began();
  };
  const timer = setInterval(() => {
    const now = performance.now(), fps = (1000 * count.frames) / (now - count.at);
    Object.assign(count, { frames: 0, at: now });
    report({ trip: null, fps, lost: 0, width: canvas.width, height: canvas.height, way: "JPEG" });
  }, 1000);
  const failed = new Promise((_, fail) => {
    setTimeout(() => fail(new Error("no picture came by WebSocket")), PATIENCE);
    socket.onclose = ({ reason }) => { fail(new Error(reason || "the WebSocket was refused")); };
  });
  try {
    await Promise.race([first, failed]);
  } catch (error) {
    close();
    throw error;
  }
  failed.catch(() => {});
  socket.onclose = () => done || lost();
  return {
    close,
    mute: player.mute,
    async speak(stream) {
      stopMicrophone?.();
      stopMicrophone = stream && (await readMicrophone(stream, (samples) => socket.readyState === WebSocket.OPEN && socket.send(packed(samples))));
      if (!stream && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "end" }));
    },
  };
}

function packed(samples) {
  const message = new ArrayBuffer(HEADER + 2 * samples.length);
  const view = new DataView(message);
  view.setUint8(0, SOUND_IN);
  view.setUint32(4, 2 * samples.length, true);
  samples.forEach((one, index) => view.setInt16(HEADER + 2 * index, Math.max(-1, Math.min(1, one)) * 32767, true));
  return message;
}

/** Plays sound by its time and says when a picture of some time is due. */
function play(rate) {
  const sound = new AudioContext({ sampleRate: rate });
  const volume = new GainNode(sound);
  volume.connect(sound.destination);
  sound.resume();
  let zero = null; // when the sample 0 plays, on the context's clock
  const due = (time) => zero + time / rate;
  return {
    close: () => sound.close(),
    mute: (on) => { volume.gain.value = on ? 0 : 1; },
    push(samples, time) {
      if (zero === null || due(time) < sound.currentTime || due(time) > sound.currentTime + 4 * LEAD) zero = sound.currentTime + LEAD - time / rate;
      const block = sound.createBuffer(1, samples.length, rate);
      const channel = block.getChannelData(0);
      samples.forEach((one, index) => { channel[index] = one / 32768; });
      const source = new AudioBufferSourceNode(sound, { buffer: block });
      source.connect(volume);
      source.start(due(time));
    },
    at: (time, act) => setTimeout(act, zero === null ? 0 : Math.max(0, 1000 * (due(time) - sound.currentTime))),
  };
}

/** Give the microphone's sound to `take` in blocks at 24 kHz; answers how to stop. */
async function readMicrophone(stream, take) {
  const sound = new AudioContext({ sampleRate: 24000 });
  await sound.audioWorklet.addModule("microphone.js");
  const node = new AudioWorkletNode(sound, "microphone");
  node.port.onmessage = ({ data }) => take(data);
  sound.createMediaStreamSource(stream).connect(node);
  return () => sound.close();
}
