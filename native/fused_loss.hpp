// SPDX-License-Identifier: Apache-2.0
// The losses by our kernels.
#pragma once
#include <tuple>

#include "loss.hpp"
#include "operators.hpp"

namespace ct {
using Pair = std::tuple<at::Tensor, at::Tensor>;

/// hidden [N, H], weight [V, H], bias [V], contrast [C, H] (hidden states of the contrastive passes).
struct LinearInputs {
  const at::Tensor &hidden, &weight;
  const std::optional<at::Tensor> &bias, &contrast;
};

/// logits [N, V], contrast [C, V]: those of the contrastive passes.
struct LogitsInputs {
  const at::Tensor &logits;
  const std::optional<at::Tensor> &contrast;
};

/// {total, a float32 scalar; sums [1 + terms], float64}, with a graph where one is asked for and may be recorded.
Pair fusedLoss(const LinearInputs &in, const Plan &plan, int64_t chunk, bool mayRecord);
Pair fusedLoss(const LogitsInputs &in, const Plan &plan, bool mayRecord);
}  // namespace ct
