// The page of `medgossip serve`. It draws what the socket tells and can start and stop runs; all that comes from outside is shown as text.
"use strict";

const token = location.hash.slice(1);
const at = (id) => document.getElementById(id);
// Okabe and Ito's colours, which the colour-blind can tell apart: level with the furthest seat ... far behind
const LEVEL = "#009E73", BEHIND = "#E69F00", FAR = "#D55E00", DOWN = "#999999", MARK = "#000000", LINE = "#0072B2", SECOND = "#CC79A7";
let network = null, frames = [], current = null, following = true;

function say(text, wrong = false) {
  at("said").textContent = text;
  at("said").className = wrong ? "wrong" : "";
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" } });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function colour(state) {
  if (state === "-") return DOWN;
  return state === "0" ? LEVEL : state < "5" ? BEHIND : FAR;
}

function places() {
  const canvas = at("map"), edge = 30;
  const span = (values) => [Math.min(...values), Math.max(...values)];
  const [west, east] = span(network.x), [south, north] = span(network.y);
  const stretch = Math.min((canvas.width - 2 * edge) / (east - west || 1), (canvas.height - 2 * edge) / (north - south || 1));
  const left = (canvas.width - stretch * (east - west)) / 2, top = (canvas.height - stretch * (north - south)) / 2;
  return network.x.map((x, seat) => [left + (x - west) * stretch, canvas.height - top - (network.y[seat] - south) * stretch]);
}

function prepare() {
  network.places = network.x.length ? places() : [];
  network.behind = document.createElement("canvas");
  network.behind.width = at("map").width;
  network.behind.height = at("map").height;
  const pen = network.behind.getContext("2d");
  pen.strokeStyle = "rgba(0, 0, 0, 0.12)";
  pen.beginPath();
  for (const [one, other] of network.links) {
    pen.moveTo(...network.places[one]);
    pen.lineTo(...network.places[other]);
  }
  pen.stroke();
  at("title").textContent = `${network.title || "Untitled"}: ${network.seats.toLocaleString()} seats, ` +
    `gossip ${network.gossip || "none"}, consensus ${network.consensus || "none"}`;
  at("known").textContent = network.consensus ? "Decisions (blocks)" : "Seats that hold what was published last (%)";
  const words = network.consensus
    ? [[LEVEL, "level with the furthest seat"], [BEHIND, "1 to 4 decisions behind"], [FAR, "5 or more behind"]]
    : [[LEVEL, "holds what was published last"], [FAR, "does not hold it"]];
  at("legend").replaceChildren(...[...words, [DOWN, "down"], [MARK, "ring: does not play by the rules"]].map(([paint, text]) => {
    const item = document.createElement("li"), dot = document.createElement("span");
    dot.style.background = paint;
    item.append(dot, text);
    return item;
  }));
}

function drawMap(frame) {
  const pen = at("map").getContext("2d");
  pen.clearRect(0, 0, at("map").width, at("map").height);
  if (!network.places.length) {
    pen.font = "20px system-ui, sans-serif";
    pen.fillText(`${network.seats.toLocaleString()} seats: too many to draw one by one`, 40, 60);
    return;
  }
  pen.drawImage(network.behind, 0, 0);
  const size = Math.max(1.5, Math.min(7, 160 / Math.sqrt(network.seats)));
  for (let seat = 0; seat < network.places.length; seat++) {
    pen.fillStyle = colour(frame.states[seat]);
    pen.beginPath();
    pen.arc(...network.places[seat], size, 0, 7);
    pen.fill();
  }
  pen.strokeStyle = MARK;
  pen.lineWidth = 2;
  for (const seat of network.corrupted) {
    pen.beginPath();
    pen.arc(...network.places[seat], size + 3, 0, 7);
    pen.stroke();
  }
}

function drawLines(id, lines, shown) {
  const canvas = at(id), pen = canvas.getContext("2d"), left = 66, low = canvas.height - 24, width = canvas.width - left - 90;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "12px system-ui, sans-serif";
  const most = Math.max(1, ...lines.flatMap((line) => line.values));
  const x = (time) => left + width * time / network.duration_s, y = (value) => low - (low - 12) * value / most;
  pen.strokeStyle = "#888";
  pen.strokeRect(left, 12, width, low - 12);
  pen.fillStyle = "#222";
  pen.textAlign = "right";
  pen.fillText(most.toLocaleString(undefined, { maximumSignificantDigits: 3 }), left - 6, 20);
  pen.fillText("0", left - 6, low);
  pen.fillText(`${network.duration_s.toLocaleString()} s`, left + width, canvas.height - 6);
  pen.textAlign = "left";
  pen.fillText("0 s (simulated time)", left, canvas.height - 6);
  lines.forEach((line, place) => {
    pen.strokeStyle = pen.fillStyle = line.paint;
    pen.lineWidth = 2;
    pen.setLineDash(place ? [5, 4] : []);
    pen.beginPath();
    line.values.forEach((value, step) => pen.lineTo(x(frames[step].time_s), y(value)));
    pen.stroke();
    if (lines.length > 1) pen.fillText(line.name, left + width + 8, 24 + 16 * place);
  });
  pen.setLineDash([]);
  pen.strokeStyle = "#888";
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x(shown.time_s), 12);
  pen.lineTo(x(shown.time_s), low);
  pen.stroke();
}

function draw() {
  if (!network || !frames.length) return;
  const frame = frames[Math.min(Number(at("time").value), frames.length - 1)];
  drawMap(frame);
  const of = (key) => frames.map((one) => one[key]);
  const known = network.consensus
    ? [{ name: "furthest", paint: LINE, values: of("furthest") }, { name: "median seat", paint: SECOND, values: of("median") }]
    : [{ paint: LINE, values: frames.map((one) => 100 * one.holding_share) }];
  drawLines("decided", known, frame);
  drawLines("sent", [{ paint: LINE, values: frames.map((one, step) => (one.sent_bytes - (step ? frames[step - 1].sent_bytes : 0)) / 1e6) }], frame);
  drawLines("under", [{ paint: LINE, values: of("in_flight") }], frame);
  at("now").textContent = `${frame.time_s.toFixed(1)} s of ${network.duration_s} s`;
}

let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(); });
}

const heard = {
  accepted(said) {
    [network, frames, current, following] = [null, [], said.run, true];
    at("report").hidden = true;
    at("stop").disabled = false;
    say(said.odd.length ? "Odd: " + said.odd.join("; ") : "Accepted; building the network.");
  },
  progress(said) { say(`${Math.round(said.share * 100)} %: ${said.text}`); },
  network(said) {
    network = said;
    frames = [];
    at("time").disabled = false;
    prepare();
  },
  frame(said) {
    frames.push(said);
    at("time").max = frames.length - 1;
    if (following) at("time").value = frames.length - 1;
    drawSoon();
  },
  report(said) {
    at("report").textContent = said.text;
    at("report").className = said.ok ? "" : "failed";
    at("report").hidden = false;
    at("stop").disabled = true;
    say(said.ok ? "Finished: every check and expectation held. Move the slider to look again." : "Finished: something did not hold; see below.", !said.ok);
  },
  refused(said) { at("stop").disabled = true; say(said.text, true); },
  stopped() { at("stop").disabled = true; say("Stopped."); },
  gap(said) { say(`This page fell behind and missed ${said.lost} messages; what it shows is right but not complete.`, true); },
};

function listen() {
  const socket = new WebSocket(`ws://${location.host}/api/live`, ["medgossip", token]);
  socket.onmessage = (event) => {
    const said = JSON.parse(event.data);
    if (said.kind === "accepted" || said.run === undefined || said.run === current) heard[said.kind](said);
  };
  socket.onclose = () => { say("The server is gone; start it again and open the link that it prints.", true); };
}

at("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = { scenario: at("scenario").value, set: at("set").value.split(" ").filter((one) => one) };
  if (at("seed").value) wanted.seed = Number(at("seed").value);
  say("Starting.");
  try { await ask("/api/runs", { method: "POST", body: JSON.stringify(wanted) }); } catch (error) { say(error.message, true); }
});
at("stop").addEventListener("click", () => ask(`/api/runs/${current}`, { method: "DELETE" }).catch((error) => say(error.message, true)));
at("time").addEventListener("input", () => { following = Number(at("time").value) === frames.length - 1; drawSoon(); });

ask("/api/scenarios").then((found) => {
  at("scenario").replaceChildren(...found.map((one) => new Option(`${one.name.replace(/\.toml$/, "")}: ${one.title}`, one.name)));
  const usual = found.find((one) => one.name === "consortium-under-attack.toml");
  if (usual) at("scenario").value = usual.name;
  if (!found.length) say("The folder holds no scenario files (.toml).", true);
  listen();
}).catch((error) => say(error.message, true));
