"""Names and shapes of an autoencoder's weights by its settings: files are compared with them before they are read."""

from __future__ import annotations

from collections.abc import Iterator

from latentlab.config.autoencoder import AutoencoderKLConfig, AutoencoderTinyConfig

Shape = tuple[int, ...]
Named = Iterator[tuple[str, Shape]]


def weight_shapes(config: AutoencoderKLConfig | AutoencoderTinyConfig) -> dict[str, Shape]:
    """Shape of every weight by its name in diffusers.

    Examples
    --------
    >>> weight_shapes(AutoencoderKLConfig())["quant_conv.weight"]
    (8, 8, 1, 1)
    """
    return dict(_kl(config) if isinstance(config, AutoencoderKLConfig) else _tiny(config))


def _conv(name: str, inputs: int, outputs: int, size: int = 3, bias: bool = True) -> Named:
    yield f"{name}.weight", (outputs, inputs, size, size)
    if bias:
        yield f"{name}.bias", (outputs,)


def _vectors(name: str, size: int) -> Named:
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


def _resnet(name: str, inputs: int, outputs: int) -> Named:
    yield from _vectors(f"{name}.norm1", inputs)
    yield from _conv(f"{name}.conv1", inputs, outputs)
    yield from _vectors(f"{name}.norm2", outputs)
    yield from _conv(f"{name}.conv2", outputs, outputs)
    if inputs != outputs:
        yield from _conv(f"{name}.conv_shortcut", inputs, outputs, 1)


def _mid_block(name: str, channels: int, has_attention: bool) -> Named:
    if has_attention:
        attention = f"{name}.attentions.0"
        yield from _vectors(f"{attention}.group_norm", channels)
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            yield f"{attention}.{part}.weight", (channels, channels)
            yield f"{attention}.{part}.bias", (channels,)
    for number in range(2):
        yield from _resnet(f"{name}.resnets.{number}", channels, channels)


def _kl(config: AutoencoderKLConfig) -> Named:
    blocks, latents = config.block_out_channels, config.latent_channels
    last, attends = len(blocks) - 1, config.mid_block_add_attention
    yield from _conv("encoder.conv_in", config.in_channels, blocks[0])
    before = blocks[0]
    for index, channels in enumerate(blocks):
        name = f"encoder.down_blocks.{index}"
        for number in range(config.layers_per_block):
            yield from _resnet(f"{name}.resnets.{number}", channels if number else before, channels)
        if index < last:
            yield from _conv(f"{name}.downsamplers.0.conv", channels, channels)
        before = channels
    yield from _mid_block("encoder.mid_block", blocks[-1], attends)
    yield from _vectors("encoder.conv_norm_out", blocks[-1])
    yield from _conv("encoder.conv_out", blocks[-1], 2 * latents)
    if config.use_quant_conv:
        yield from _conv("quant_conv", 2 * latents, 2 * latents, 1)
    if config.use_post_quant_conv:
        yield from _conv("post_quant_conv", latents, latents, 1)
    yield from _conv("decoder.conv_in", latents, blocks[-1])
    yield from _mid_block("decoder.mid_block", blocks[-1], attends)
    before = blocks[-1]
    for index, channels in enumerate(reversed(blocks)):
        name = f"decoder.up_blocks.{index}"
        for number in range(config.layers_per_block + 1):
            yield from _resnet(f"{name}.resnets.{number}", channels if number else before, channels)
        if index < last:
            yield from _conv(f"{name}.upsamplers.0.conv", channels, channels)
        before = channels
    yield from _vectors("decoder.conv_norm_out", blocks[0])
    yield from _conv("decoder.conv_out", blocks[0], config.out_channels)


def _tiny_block(name: str, channels: int) -> Named:
    for number in (0, 2, 4):  # between them activations
        yield from _conv(f"{name}.conv.{number}", channels, channels)


def _tiny(config: AutoencoderTinyConfig) -> Named:
    channels, layer = config.encoder_block_out_channels[0], 0
    for stage, blocks in enumerate(config.num_encoder_blocks):
        name = f"encoder.layers.{layer}"
        yield from _conv(name, channels if stage else config.in_channels, channels, bias=stage == 0)
        for number in range(blocks):
            yield from _tiny_block(f"encoder.layers.{layer + 1 + number}", channels)
        layer += 1 + blocks
    yield from _conv(f"encoder.layers.{layer}", channels, config.latent_channels)
    channels, layer = config.decoder_block_out_channels[0], 2  # an activation follows the first layer
    yield from _conv("decoder.layers.0", config.latent_channels, channels)
    last = len(config.num_decoder_blocks) - 1
    for stage, blocks in enumerate(config.num_decoder_blocks):
        for number in range(blocks):
            yield from _tiny_block(f"decoder.layers.{layer + number}", channels)
        layer += blocks + (stage < last)  # enlarging has no weights
        outputs = config.out_channels if stage == last else channels
        yield from _conv(f"decoder.layers.{layer}", channels, outputs, bias=stage == last)
        layer += 1
