// Hands the microphone's sound out of the audio thread, 20 ms at a time.
registerProcessor("microphone", class extends AudioWorkletProcessor {
  kept = [];
  process([[samples]]) {
    if (samples) this.kept.push(...samples);
    while (this.kept.length >= 480) this.port.postMessage(Float32Array.from(this.kept.splice(0, 480)));
    return true;
  }
});
