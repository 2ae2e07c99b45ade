"""The active boundary loss written as loops over pixels, from its description."""

import itertools
import math

import torch

ORDER_2D = [(1, 0), (-1, 0), (0, -1), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1)]


def offsets(dims):
    if dims == 2:
        return ORDER_2D
    moves = [m for m in itertools.product((-1, 0, 1), repeat=3) if m != (0, 0, 0)]
    return sorted(moves, key=lambda m: (sum(abs(step) for step in m), m))


def pixels(shape):
    return list(itertools.product(*[range(size) for size in shape]))


def moved(pixel, offset):
    return tuple(p + o for p, o in zip(pixel, offset, strict=True))


def forward_neighbors(pixel, shape):
    for axis in range(len(shape)):
        step = tuple(int(a == axis) for a in range(len(shape)))
        if pixel[axis] + 1 < shape[axis]:
            yield moved(pixel, step)


def is_inside(pixel, shape):
    return all(0 <= p < size for p, size in zip(pixel, shape, strict=True))


def nearest_distance(pixel, boundary, spacing):
    squares = [
        sum(((a - b) * step) ** 2 for a, b, step in zip(pixel, other, spacing, strict=True))
        for other in boundary
    ]
    return math.sqrt(min(squares)) if squares else math.inf


def true_boundary(labels, ignore_index=None):
    """Pixels of one image (a list-like H x W [x D]) whose forward neighbour differs."""
    shape = labels.shape
    return [
        pixel
        for pixel in pixels(shape)
        if labels[pixel] != ignore_index
        and any(
            labels[n] != labels[pixel] and labels[n] != ignore_index
            for n in forward_neighbors(pixel, shape)
        )
    ]


def kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum()


def dilated(seeds, shape):
    box = [*offsets(len(shape)), (0,) * len(shape)]
    grown = {moved(seed, step) for seed in seeds for step in box}
    return sorted(pixel for pixel in grown if is_inside(pixel, shape))


def cross_entropy(scores, chosen, high, low):
    log_q = torch.log_softmax(torch.stack(scores), 0)
    return -sum((high if k == chosen else low) * log_q[k] for k in range(len(scores)))


def paper_loss(
    logits,
    labels,
    *,
    ratio,
    theta=20.0,
    smoothing=0.2,
    detach=True,
    ignore_index=None,
    spacing=None,
    class_change=False,
    factor=None,
    least=1e-5,
    reach=math.inf,
    share_ties=False,
):
    """Mean over the images that have something to add; logits B x C x ..., labels B x ...."""
    shape = labels.shape[1:]
    spacing = spacing or [1.0] * len(shape)
    low = smoothing / (len(offsets(len(shape))) - 1)
    means = []
    for image, label in zip(torch.log_softmax(logits, 1), labels, strict=True):
        log_p = {pixel: image[(slice(None), *pixel)] for pixel in pixels(shape)}
        fixed = {pixel: value.detach() for pixel, value in log_p.items()}
        known = {pixel for pixel in pixels(shape) if label[pixel] != ignore_index}
        boundary = true_boundary(label, ignore_index)
        distance = {p: nearest_distance(p, boundary, spacing) for p in pixels(shape)}

        winner = {p: int(value.argmax()) for p, value in fixed.items()}
        score = dict.fromkeys(pixels(shape), 0.0)
        for p in known:
            near = [n for n in forward_neighbors(p, shape) if n in known]
            if class_change and all(winner[n] == winner[p] for n in near):
                continue
            score[p] = max([0.0, *(kl(fixed[p], fixed[n]).item() for n in near)])
        share = len(score) * ratio if factor is None else factor * len(boundary)
        allowed = max(1, math.floor(share))
        epsilon = max([least, *sorted(score.values(), reverse=True)[allowed : allowed + 1]])
        seeds = [p for p in pixels(shape) if score[p] > epsilon]
        if not seeds and epsilon > least:
            tied = [p for p in pixels(shape) if score[p] == epsilon]
            seeds = tied[:: math.ceil(len(tied) / allowed)]

        terms = []
        for p in dilated(seeds, shape):
            near = [moved(p, step) for step in offsets(len(shape))]
            near = [n for n in near if n in known]
            if p not in known or not boundary or not 0 < distance[p] <= reach or not near:
                continue
            chosen = [k for k in range(len(near)) if distance[near[k]] == minimum(near, distance)]
            there = [fixed[n] if detach else log_p[n] for n in near]
            scores = [kl(other, log_p[p]) for other in there]
            # Shared by all of the nearest, the target is the mean of what each would give.
            choices = chosen if share_ties else chosen[:1]
            values = [cross_entropy(scores, k, 1 - smoothing, low) for k in choices]
            value = sum(values) / len(values)
            terms.append(value * min(distance[p], theta) / theta)
        if terms:
            means.append(sum(terms) / len(terms))
    return sum(means) / len(means) if means else logits.sum() * 0


def minimum(near, distance):
    return min(distance[n] for n in near)


def released_loss(
    logits, labels, *, ratio=0.01, theta=20.0, smoothing=0.2, detach=True, ignore_label=255
):
    """What the authors' code computes, in 2D; None where it returns None."""
    height, width = labels.shape[1:]
    log_p = torch.log_softmax(logits, 1)
    fixed = log_p.detach()

    def at(values, b, y, x):
        return values[b, :, min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    score = torch.zeros(labels.shape, dtype=logits.dtype)
    distance = torch.zeros(labels.shape, dtype=torch.int64)
    for b, y, x in pixels(labels.shape):
        for n in forward_neighbors((y, x), (height, width)):
            score[b, y, x] += kl(at(fixed, b, y, x), at(fixed, b, *n))
    for b, label in enumerate(labels):
        boundary = [
            p
            for p in pixels(label.shape)
            if label[p] == ignore_label
            or any(label[n] != label[p] for n in forward_neighbors(p, label.shape))
        ]
        for p in pixels(label.shape):
            # The distances are written to an array of integers, which cuts them off.
            distance[(b, *p)] = max(int(nearest_distance(p, boundary, (1, 1)) - 1), 0)

    epsilon = 1e-5
    while int((score > epsilon).sum()) > height * width * ratio:
        epsilon *= 1.2
    terms = []
    for b in range(len(labels)):
        seeds = [p for p in pixels((height, width)) if score[(b, *p)] > epsilon]
        for y, x in dilated(seeds, (height, width)):
            around = []
            for dy, dx in [*ORDER_2D, (0, 0)]:
                inside = is_inside((y + dy, x + dx), (height, width))
                around.append(int(distance[b, y + dy, x + dx]) if inside else 10**5)
            chosen = around.index(min(around))
            if chosen == 8:
                continue
            source = fixed if detach else log_p
            scores = [kl(at(source, b, y + dy, x + dx), at(log_p, b, y, x)) for dy, dx in ORDER_2D]
            value = cross_entropy(scores, chosen, 1 - smoothing, smoothing / 8)
            terms.append(value * min(around[8], theta) / theta)
    return sum(terms) / len(terms) if terms else None
