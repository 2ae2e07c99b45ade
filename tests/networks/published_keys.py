"""Names and shapes of the published checkpoints, written down from their layout.

Each function yields the table that the source's ``state_dict`` has, by the plainest rules there are
and without a look at medabl's networks.
"""

Shapes = dict[str, tuple[int, ...]]

SWIN_TINY = (96, (2, 2, 6, 2), (3, 6, 12, 24), 7)
"""Channels of the first stage, blocks and heads of the four, side of a window."""


def conv(name: str, out: int, inside: int, size: int = 1, bias: bool = False) -> Shapes:
    table: Shapes = {f"{name}.weight": (out, inside, size, size)}
    if bias:
        table[f"{name}.bias"] = (out,)
    return table


def norm(name: str, channels: int) -> Shapes:
    table: Shapes = {f"{name}.num_batches_tracked": ()}
    for part in ("weight", "bias", "running_mean", "running_var"):
        table[f"{name}.{part}"] = (channels,)
    return table


def bottleneck(name: str, inside: int, width: int, projected: bool) -> Shapes:
    table = conv(f"{name}.conv1", width, inside) | norm(f"{name}.bn1", width)
    table |= conv(f"{name}.conv2", width, width, 3) | norm(f"{name}.bn2", width)
    table |= conv(f"{name}.conv3", 4 * width, width) | norm(f"{name}.bn3", 4 * width)
    if projected:
        table |= conv(f"{name}.downsample.0", 4 * width, inside)
        table |= norm(f"{name}.downsample.1", 4 * width)
    return table


def resnet50(prefix: str = "", stages: int = 4) -> Shapes:
    table = conv(f"{prefix}conv1", 64, 3, 7) | norm(f"{prefix}bn1", 64)
    layout = [(3, 64, 64), (4, 256, 128), (6, 512, 256), (3, 1024, 512)][:stages]
    for stage, (blocks, inside, width) in enumerate(layout, start=1):
        for block in range(blocks):
            name = f"{prefix}layer{stage}.{block}"
            table |= bottleneck(name, inside if block == 0 else 4 * width, width, block == 0)
    return table


def deeplabv3(classes: int, aux: bool) -> Shapes:
    table = resnet50("backbone.")
    for branch, size in enumerate((1, 3, 3, 3)):
        table |= conv(f"classifier.0.convs.{branch}.0", 256, 2048, size)
        table |= norm(f"classifier.0.convs.{branch}.1", 256)
    table |= conv("classifier.0.convs.4.1", 256, 2048) | norm("classifier.0.convs.4.2", 256)
    table |= conv("classifier.0.project.0", 256, 1280) | norm("classifier.0.project.1", 256)
    table |= conv("classifier.1", 256, 256, 3) | norm("classifier.2", 256)
    table |= conv("classifier.4", classes, 256, bias=True)
    if aux:
        table |= conv("aux_classifier.0", 256, 1024, 3) | norm("aux_classifier.1", 256)
        table |= conv("aux_classifier.4", classes, 256, bias=True)
    return table


def hrnet(width: int, stem_blocks: int, blocks: int, modules: tuple[int, int, int]) -> Shapes:
    table = conv("conv1", 64, 3, 3) | norm("bn1", 64) | conv("conv2", 64, 64, 3) | norm("bn2", 64)
    for block in range(stem_blocks):
        table |= bottleneck(f"layer1.{block}", 64 if block == 0 else 256, 64, block == 0)
    table |= conv("transition1.0.0", width, 256, 3) | norm("transition1.0.1", width)
    for number, inside in ((1, 256), (2, 2 * width), (3, 4 * width)):
        new = f"transition{number}.{number}.0"
        table |= conv(f"{new}.0", 2**number * width, inside, 3)
        table |= norm(f"{new}.1", 2**number * width)
    for stage, count in zip((2, 3, 4), modules, strict=True):
        for module in range(count):
            table |= hrnet_module(f"stage{stage}.{module}", width, stage, blocks)
    return table


def hrnet_module(name: str, width: int, branches: int, blocks: int) -> Shapes:
    table: Shapes = {}
    for branch in range(branches):
        channels = width * 2**branch
        for block in range(blocks):
            for number in (1, 2):
                start = f"{name}.branches.{branch}.{block}"
                table |= conv(f"{start}.conv{number}", channels, channels, 3)
                table |= norm(f"{start}.bn{number}", channels)
    for target in range(branches):
        for source in range(branches):
            start = f"{name}.fuse_layers.{target}.{source}"
            here, there = width * 2**source, width * 2**target
            if source > target:
                table |= conv(f"{start}.0", there, here) | norm(f"{start}.1", there)
            for step in range(target - source):
                out = there if step == target - source - 1 else here
                table |= conv(f"{start}.{step}.0", out, here, 3) | norm(f"{start}.{step}.1", out)
    return table


def pixelwise_head(name: str, channels: int, classes: int) -> Shapes:
    table = conv(f"{name}.0", channels, channels, bias=True) | norm(f"{name}.1", channels)
    return table | conv(f"{name}.3", classes, channels, bias=True)


def hrnet_fcn_18_small(classes: int) -> Shapes:
    return hrnet(18, 2, 2, (1, 3, 2)) | pixelwise_head("last_layer", 270, classes)


def hrnet_ocr_48(classes: int) -> Shapes:
    table = hrnet(48, 4, 4, (1, 4, 3)) | pixelwise_head("aux_head", 720, classes)
    table |= conv("conv3x3_ocr.0", 512, 720, 3, bias=True) | norm("conv3x3_ocr.1", 512)
    block = "ocr_distri_head.object_context_block"
    for part in ("f_pixel", "f_object"):
        table |= conv(f"{block}.{part}.0", 256, 512) | norm(f"{block}.{part}.1.0", 256)
        table |= conv(f"{block}.{part}.2", 256, 256) | norm(f"{block}.{part}.3.0", 256)
    table |= conv(f"{block}.f_down.0", 256, 512) | norm(f"{block}.f_down.1.0", 256)
    table |= conv(f"{block}.f_up.0", 512, 256) | norm(f"{block}.f_up.1.0", 512)
    merge = "ocr_distri_head.conv_bn_dropout"
    table |= conv(f"{merge}.0", 512, 1024) | norm(f"{merge}.1.0", 512)
    return table | conv("cls_head", classes, 512, bias=True)


def layer(name: str, out: int, inside: int, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, inside)} | ({f"{name}.bias": (out,)} if bias else {})


def layer_norm(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def swin_block(name: str, width: int, heads: int, window: int) -> Shapes:
    table = layer_norm(f"{name}.layernorm_before", width)
    table |= layer_norm(f"{name}.layernorm_after", width)
    own = f"{name}.attention.self"
    table[f"{own}.relative_position_bias_table"] = ((2 * window - 1) ** 2, heads)
    table[f"{own}.relative_position_index"] = (window**2, window**2)
    for part in ("query", "key", "value"):
        table |= layer(f"{own}.{part}", width, width)
    table |= layer(f"{name}.attention.output.dense", width, width)
    table |= layer(f"{name}.intermediate.dense", 4 * width, width)
    return table | layer(f"{name}.output.dense", width, 4 * width)


def swin(embed: int, depths: tuple[int, ...], heads: tuple[int, ...], window: int) -> Shapes:
    table = conv("embeddings.patch_embeddings.projection", embed, 3, 4, bias=True)
    table |= layer_norm("embeddings.norm", embed)
    for stage, depth in enumerate(depths):
        width, name = embed * 2**stage, f"encoder.layers.{stage}"
        for block in range(depth):
            table |= swin_block(f"{name}.blocks.{block}", width, heads[stage], window)
        if stage < 3:
            table |= layer(f"{name}.downsample.reduction", 2 * width, 4 * width, bias=False)
            table |= layer_norm(f"{name}.downsample.norm", 4 * width)
    return table


def conv_module(name: str, out: int, inside: int, size: int = 1) -> Shapes:
    return conv(f"{name}.conv", out, inside, size) | norm(f"{name}.batch_norm", out)


def upernet_swin_tiny(classes: int) -> Shapes:
    """Names of the files that transformers 4 wrote, as the published ones are."""
    table: Shapes = {}
    for name, shape in swin(*SWIN_TINY).items():
        table[f"backbone.{name}"] = shape
    widths = (96, 192, 384, 768)
    for stage, width in enumerate(widths, start=1):
        table |= layer_norm(f"backbone.hidden_states_norms.stage{stage}", width)
    for scale in range(4):
        table |= conv_module(f"decode_head.psp_modules.{scale}.1", 512, 768)
    table |= conv_module("decode_head.bottleneck", 512, 768 + 4 * 512, 3)
    for stage, width in enumerate(widths[:3]):
        table |= conv_module(f"decode_head.lateral_convs.{stage}", 512, width)
        table |= conv_module(f"decode_head.fpn_convs.{stage}", 512, 512, 3)
    table |= conv_module("decode_head.fpn_bottleneck", 512, 4 * 512, 3)
    table |= conv("decode_head.classifier", classes, 512, bias=True)
    table |= conv_module("auxiliary_head.convs.0", 256, 384, 3)
    return table | conv("auxiliary_head.classifier", classes, 256, bias=True)
