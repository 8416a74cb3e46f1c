// Hands the microphone's sound out of the audio thread, 20 ms at a time.
registerProcessor("ear", class extends AudioWorkletProcessor {
  held = [];
  process([[samples]]) {
    if (samples) this.held.push(...samples);
    while (this.held.length >= 480) this.port.postMessage(Float32Array.from(this.held.splice(0, 480)));
    return true;
  }
});
