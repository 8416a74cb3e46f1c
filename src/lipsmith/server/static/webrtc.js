// Seeing and hearing a session by WebRTC: one offer, one answer (WHEP). The microphone goes the other way.
import { call } from "./api.js";

const PATIENCE = 12000; // ms until the first picture
const GATHERING = 1500; // ms for the browser to find its own addresses

export async function byWebRtc({ session, video, lost, report }) {
  const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: session.ice_servers ?? [] });
  const stream = new MediaStream();
  const mouth = peer.addTransceiver("audio", { direction: "sendrecv" });
  peer.addTransceiver("video", { direction: "recvonly" });
  const words = peer.createDataChannel("words");
  peer.ontrack = ({ track }) => stream.addTrack(track);
  let timer = 0, away = 0, location = "", done = false;

  /** `leave`: the session goes on without this viewer. */
  const close = (leave = false) => {
    done = true;
    clearInterval(timer);
    clearTimeout(away);
    peer.close();
    video.srcObject = null;
    if (leave && location) call("DELETE", location).catch(() => {});
  };
  try {
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await call("POST", session.links.webrtc ?? `${session.links.self}/whep`, { body: peer.localDescription.sdp, type: "application/sdp", as: "text" });
    location = answer.location ?? "";
    await peer.setRemoteDescription({ type: "answer", sdp: answer.text });
    video.srcObject = stream;
    video.play().catch(() => {});
    await shown(peer, video);
  } catch (error) {
    close(true);
    throw error;
  }
  peer.onconnectionstatechange = () => {
    clearTimeout(away);
    if (done) return;
    if (peer.connectionState === "failed") lost();
    else if (peer.connectionState === "disconnected") away = setTimeout(lost, 3000);
  };
  const look = counter(peer, video);
  timer = setInterval(async () => report(await look()), 1000);
  return {
    close,
    mute: (on) => { video.muted = on; },
    async speak(microphone) {
      await mouth.sender.replaceTrack(microphone?.getAudioTracks()[0] ?? null);
      if (!microphone && words.readyState === "open") words.send(JSON.stringify({ type: "end" }));
    },
  };
}

function gathered(peer) {
  if (peer.iceGatheringState === "complete") return null;
  return new Promise((done) => {
    setTimeout(done, GATHERING);
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
  });
}

/** Until the first picture is there. */
function shown(peer, video) {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error("no picture came by WebRTC")), PATIENCE);
    video.addEventListener("loadeddata", () => { clearTimeout(late); done(); }, { once: true });
    peer.onconnectionstatechange = () => { if (peer.connectionState === "failed") { clearTimeout(late); fail(new Error("WebRTC does not get through")); } };
  });
}

/** Answers a function that measures the line since it was last called. */
function counter(peer, video) {
  let before = { at: performance.now(), frames: 0, lost: 0, came: 0 };
  return async () => {
    const now = { at: performance.now(), frames: 0, lost: 0, came: 0 };
    let trip = null, codec = "";
    const info = await peer.getStats();
    info.forEach((one) => {
      if (one.type === "inbound-rtp") {
        now.lost += one.packetsLost ?? 0;
        now.came += one.packetsReceived ?? 0;
        if (one.kind === "video") { now.frames = one.framesDecoded ?? 0; codec = info.get(one.codecId)?.mimeType.split("/")[1] ?? ""; }
      } else if (one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined) trip = 1000 * one.currentRoundTripTime;
    });
    const fps = (1000 * (now.frames - before.frames)) / (now.at - before.at);
    const lost = (now.lost - before.lost) / Math.max(1, now.lost - before.lost + now.came - before.came);
    before = now;
    return { trip, fps, lost, width: video.videoWidth, height: video.videoHeight, way: codec };
  };
}
