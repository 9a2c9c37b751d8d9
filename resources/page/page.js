"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = id => document.getElementById(id);
  const [channels, height, width] = data.image_shape;
  const dimensions = data.origin.length;
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  // The map shows origin + x·axes[0] + y·axes[1]; the axes are orthonormal.
  const plane = z => data.axes.map(axis => dot(axis, Array.from(z, (value, i) => value - data.origin[i])));
  const decode = data.network ? networkDecoder(data.network) : gridDecoder(data.grid, plane);
  const positions = floatsOf(data.points.positions);
  const latents = floatsOf(data.points.latents);
  const labels = bytesOf(data.points.labels);
  const thumbnails = bytesOf(data.points.thumbnails);
  const count = positions.length / 2;
  const hidden = new Set();
  let z = Array.from(data.origin);
  let view = { x: 0, y: 0, scale: 1 };

  byId("title").textContent = data.title;
  document.title = data.title;
  byId("facts").textContent = data.facts;
  byId("footer").textContent = data.footer;

  const colour = label => data.colours.classes[label] || data.colours.unlabelled;

  function paint(canvas, pixels, scale) {
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(width, height);
    const size = width * height;
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = scale * pixels[(channels >= 3 ? c : 0) * size + i];
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // --- the map ---

  const map = byId("map");
  const area = byId("mapArea");
  const background = new Image();
  background.onload = () => draw();
  if (data.manifold) background.src = data.manifold.picture;

  function fit() {
    const [left, right, bottom, top] = data.extent;
    view.scale = Math.min(area.clientWidth / (right - left), area.clientHeight / (top - bottom));
    view.x = (left + right) / 2;
    view.y = (bottom + top) / 2;
  }
  const toPixel = (x, y) => [
    area.clientWidth / 2 + (x - view.x) * view.scale, area.clientHeight / 2 - (y - view.y) * view.scale,
  ];
  const toPlane = (px, py) => [
    view.x + (px - area.clientWidth / 2) / view.scale, view.y - (py - area.clientHeight / 2) / view.scale,
  ];

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    map.width = area.clientWidth * ratio;
    map.height = area.clientHeight * ratio;
    const context = map.getContext("2d");
    context.scale(ratio, ratio);
    if (data.manifold && background.complete && background.naturalWidth) {
      const [left, right, bottom, top] = data.manifold.extent;
      const [x0, y0] = toPixel(left, top);
      const [x1, y1] = toPixel(right, bottom);
      context.imageSmoothingEnabled = false;
      context.drawImage(background, x0, y0, x1 - x0, y1 - y0);
    }
    for (let i = 0; i < count; i++) {
      if (hidden.has(labels[i])) continue;
      const [px, py] = toPixel(positions[2 * i], positions[2 * i + 1]);
      if (px < -4 || py < -4 || px > area.clientWidth + 4 || py > area.clientHeight + 4) continue;
      context.fillStyle = colour(labels[i]);
      context.fillRect(px - 1.5, py - 1.5, 3, 3);
    }
    const [cx, cy] = toPixel(...plane(z));
    for (const [line, style] of [[4, "#fff"], [2, "#1a6fd6"]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.beginPath();
      context.arc(cx, cy, 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  function nearest(px, py) {
    let best = -1;
    let distance = 10 * 10;
    for (let i = 0; i < count; i++) {
      if (hidden.has(labels[i])) continue;
      const [x, y] = toPixel(positions[2 * i], positions[2 * i + 1]);
      const away = (x - px) ** 2 + (y - py) ** 2;
      if (away < distance) { distance = away; best = i; }
    }
    return best;
  }

  function show(point) {
    const box = byId("hover");
    box.hidden = point < 0;
    if (point < 0) return;
    const [px, py] = toPixel(positions[2 * point], positions[2 * point + 1]);
    byId("name").textContent = data.points.names[point] || (labels[point] === 255 ? "" : data.classes[labels[point]]);
    const size = channels * height * width;
    if (point < data.points.pictures) {
      paint(byId("thumbnail"), thumbnails.subarray(point * size, (point + 1) * size), 1);
    } else {
      paint(byId("thumbnail"), decode(latents.subarray(point * dimensions, (point + 1) * dimensions)), 255);
    }
    box.style.left = `${Math.min(px + 12, area.clientWidth - 160)}px`;
    box.style.top = `${Math.min(py + 12, area.clientHeight - 72)}px`;
  }

  // --- the latent ---

  function choose(latent) {
    z = Array.from(latent);
    paint(byId("image"), decode(z), 255);
    byId("where").textContent = `z = (${z.slice(0, 10).map(value => value.toFixed(2)).join(", ")}${dimensions > 10 ? ", …" : ""})`;
    document.querySelectorAll("#sliders input").forEach((slider, i) => {
      slider.value = z[i];
      slider.nextElementSibling.textContent = z[i].toFixed(2);
    });
    draw();
  }

  // The latent below a pixel: the present one, moved within the plane of the map.
  function below(px, py) {
    const target = toPlane(px, py);
    const present = plane(z);
    return z.map((value, i) =>
      value + (target[0] - present[0]) * data.axes[0][i] + (target[1] - present[1]) * data.axes[1][i]);
  }

  const at = event => {
    const box = map.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let pans = null;
  map.addEventListener("pointerdown", event => {
    map.setPointerCapture(event.pointerId);
    if (event.button === 2) { pans = at(event); return; }
    const [px, py] = at(event);
    const point = nearest(px, py);
    choose(point >= 0 && data.network && dimensions > 2
      ? latents.subarray(point * dimensions, (point + 1) * dimensions) : below(px, py));
  });
  map.addEventListener("pointermove", event => {
    const [px, py] = at(event);
    if (pans) {
      view.x -= (px - pans[0]) / view.scale;
      view.y += (py - pans[1]) / view.scale;
      pans = [px, py];
      draw();
    } else if (event.buttons & 1) choose(below(px, py));
    else show(nearest(px, py));
  });
  map.addEventListener("pointerup", () => { pans = null; });
  map.addEventListener("pointerleave", () => show(-1));
  map.addEventListener("contextmenu", event => event.preventDefault());
  map.addEventListener("wheel", event => {
    event.preventDefault();
    const [px, py] = at(event);
    const [x, y] = toPlane(px, py);
    view.scale *= Math.exp(-event.deltaY / 500);
    const [nx, ny] = toPlane(px, py);
    view.x += x - nx;
    view.y += y - ny;
    draw();
  }, { passive: false });
  map.addEventListener("keydown", event => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const size = (event.shiftKey ? 0.02 : 0.2);
    choose(z.map((value, i) => value + size * (step[0] * data.axes[0][i] + step[1] * data.axes[1][i])));
  });

  // --- legend and sliders ---

  const shown = new Set(labels);
  [...data.classes.keys(), 255].filter(label => shown.has(label) && data.classes.length).forEach(label => {
    const button = document.createElement("button");
    const mark = document.createElement("i");
    mark.style.background = colour(label);
    button.append(mark, label === 255 ? "without a class" : data.classes[label]);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const was = hidden.delete(label);
      if (!was) hidden.add(label);
      button.setAttribute("aria-pressed", String(was));
      draw();
    });
    byId("legend").append(button);
  });
  if (data.network) {
    for (let i = 0; i < dimensions; i++) {
      const label = document.createElement("label");
      const slider = document.createElement("input");
      slider.type = "range";
      slider.step = "any";
      [slider.min, slider.max] = data.ranges[i];
      slider.setAttribute("aria-label", `latent z${i + 1}`);
      slider.addEventListener("input", () => {
        const moved = Array.from(z);
        moved[i] = Number(slider.value);
        choose(moved);
      });
      label.append(`z${i + 1}`, slider, document.createElement("output"));
      byId("sliders").append(label);
    }
  } else {
    byId("fixed").textContent = data.fixed;
  }
  new ResizeObserver(() => { fit(); draw(); }).observe(area);
  fit();
  choose(z);
})();
