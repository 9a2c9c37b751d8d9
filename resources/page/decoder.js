"use strict";
// Decodes latents: by the layers of a small network, or by the nearest of images that were decoded before.

const ACTIVATIONS = {
  relu: x => Math.max(x, 0),
  tanh: Math.tanh,
  elu: x => (x > 0 ? x : Math.expm1(x)),
  silu: x => x / (1 + Math.exp(-x)),
  softplus: x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};
const MEANS = { sigmoid: x => 1 / (1 + Math.exp(-x)), clip: x => Math.min(Math.max(x, 0), 1) };

function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// Little-endian numbers, whatever the machine's order is.
function floatsOf(text) {
  const bytes = bytesOf(text);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// A function from a latent to pixels in [0, 1], channels first.
function networkDecoder(described) {
  const layers = described.layers.map(each => ({
    weight: floatsOf(each.weight), bias: floatsOf(each.bias), inputs: each.inputs, outputs: each.outputs,
  }));
  const activation = ACTIVATIONS[described.activation];
  const mean = MEANS[described.mean];
  return z => {
    let values = Float32Array.from(z);
    layers.forEach((layer, depth) => {
      const next = new Float32Array(layer.outputs);
      const apply = depth + 1 < layers.length ? activation : mean;
      for (let row = 0; row < layer.outputs; row++) {
        let sum = layer.bias[row];
        const start = row * layer.inputs;
        for (let column = 0; column < layer.inputs; column++) sum += layer.weight[start + column] * values[column];
        next[row] = apply(sum);
      }
      values = next;
    });
    return values;
  };
}

// The nearest of n × n images over the plane of the map.
function gridDecoder(described, plane) {
  const pixels = bytesOf(described.pixels);
  const [left, right, bottom, top] = described.extent;
  const cell = (value, low, high) =>
    Math.min(described.cells - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * described.cells)));
  return z => {
    const [x, y] = plane(z);
    const index = cell(y, bottom, top) * described.cells + cell(x, left, right);
    const start = index * described.size;
    return Float32Array.from(pixels.subarray(start, start + described.size), value => value / 255);
  };
}

if (typeof module !== "undefined") module.exports = { bytesOf, floatsOf, networkDecoder, gridDecoder };
