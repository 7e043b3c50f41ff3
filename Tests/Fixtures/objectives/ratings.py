# SPDX-License-Identifier: Apache-2.0
"""Reference values for RatingObjective, in float64.

    python Tests/Fixtures/objectives/ratings.py

Made with torch 2.13.0. Writes ratings.json: hidden states [R, H] and a head [K, H]; for each case the pairs or
ratings, the parts of the loss, the loss, and its gradients. The pairwise losses are `logsigmoid` as TRL's RewardTrainer
has it (`margin`, `center_rewards_coefficient`); the scaled one multiplies by the margin (HelpSteer2-Preference);
regression is `mse_loss` over the numbers that are given.
"""
import json
from pathlib import Path

import torch
from torch.nn.functional import logsigmoid, mse_loss

torch.manual_seed(1)
normal = lambda *shape: torch.randn(*shape, dtype=torch.float64)
cases = []


def write(name, hidden, head, parts, **case):
    """`parts` are pairs of weight and value."""
    loss = sum(weight * value for weight, value in parts)
    gradients = torch.autograd.grad(loss, [hidden, head])
    cases.append(dict(
        case, loss=name, hidden=hidden.tolist(), head=head.tolist(), parts=[value.item() for _, value in parts],
        total=loss.item(), hiddenGradient=gradients[0].tolist(), headGradient=gradients[1].tolist()))


def pairwise(name, centering, scale, margins):
    """Six documents in four pairs; one document is in two of them."""
    hidden, head = (normal(6, 5) * scale).requires_grad_(), normal(1, 5).requires_grad_()
    pairs = [[0, 1], [3, 2], [4, 5], [0, 5]]
    scores, margin = (hidden @ head.T)[:, 0], torch.tensor(margins, dtype=torch.float64)
    chosen, rejected = scores[[p[0] for p in pairs]], scores[[p[1] for p in pairs]]
    loss = {
        "bradleyTerry": lambda: -logsigmoid(chosen - rejected),
        "marginBradleyTerry": lambda: -logsigmoid(chosen - rejected - margin),
        "scaledBradleyTerry": lambda: -margin * logsigmoid(chosen - rejected),
    }[name]().mean()
    parts = [(1.0, loss)] + ([] if centering is None else [(centering, ((chosen + rejected) ** 2).mean())])
    write(name, hidden, head, parts, pairs=pairs, margins=margins, centering=centering)


def regression(outputs, missing):
    hidden, head = normal(6, 5).requires_grad_(), normal(outputs, 5).requires_grad_()
    ratedPositions = [5, 0, 2, 3]  # not every document is rated
    values = torch.randint(0, 5, (len(ratedPositions), outputs)).double()
    for row, output in missing:
        values[row, output] = torch.nan
    given, scores = ~values.isnan(), (hidden @ head.T)[ratedPositions]
    write("regression", hidden, head, [(1.0, mse_loss(scores[given], values[given]))], ratedPositions=ratedPositions,
          values=[[None if v != v else v for v in row] for row in values.tolist()])


for name in ["bradleyTerry", "marginBradleyTerry", "scaledBradleyTerry"]:
    for centering in [None, 0.01]:
        pairwise(name, centering, 1.0, [1.0, 3.0, 2.0, 0.0])
    pairwise(name, None, 1e4, [1.0, 2.5, 3.0, 1.0])
regression(1, [])
regression(5, [(0, 2), (1, 0), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)])
(Path(__file__).parent / "ratings.json").write_text(json.dumps(cases) + "\n")
print(*[(case["loss"], case["total"]) for case in cases], sep="\n")
