// SPDX-License-Identifier: Apache-2.0
// Cross entropy and distance terms as a composition of ATen's operators.
#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/index.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "common.hpp"
#include "loss.hpp"

namespace ct {
namespace {
/// One term beside the logits: parts of it in their type and on their device.
struct ComposedTerm {
  const Term &term;
  const at::Tensor &logits;
  const ContrastLogits &contrast;

  at::Tensor index(const at::Tensor &t) const { return transfer(t, logits.device(), at::kLong); }
  at::Tensor number(const at::Tensor &t) const { return transfer(t.detach(), logits.device(), logits.scalar_type()); }

  /// p and log p at each position, [n, K]; log p is 0 where p is 0.
  std::tuple<at::Tensor, at::Tensor> targets() const {
    auto chosen = index(term.targets.tensor);
    if (term.vectors) {
      // −s·|e(v) − e(x)|² without its part that is the same for all v: by a product, not by [n, M, D] of differences.
      auto e = number(term.vectors.tensor), x = e.index_select(0, chosen);
      auto scores = at::mm(x, e.t()) * 2 - e.square().sum(1);
      auto logP = (scores * number(term.sharpness.tensor).index_select(0, chosen).unsqueeze(1)).log_softmax(1);
      return {logP.exp(), logP};
    }
    // The logarithm in the table's own type, which is finer than the logits'.
    const auto &table = term.p.tensor;
    auto logarithm = term.logP ? term.logP.tensor : at::where(table > 0, table.log(), at::zeros_like(table));
    return {number(table).index_select(0, chosen), number(logarithm).index_select(0, chosen)};
  }

  /// Logits of the contrastive tokens, [n, 1].
  at::Tensor contrastive(const at::Tensor &rows) const {
    auto tokens = index(term.contrastiveTokens.tensor);
    auto found = term.contrastiveRows ? contrast(index(term.contrastiveRows.tensor), tokens).to(logits.scalar_type())
                                      : pick(rows, tokens);
    return found.unsqueeze(1);
  }

  at::Tensor pick(const at::Tensor &rows, const at::Tensor &columns) const {
    c10::List<std::optional<at::Tensor>> both;
    both.push_back(rows);
    both.push_back(columns);
    return at::index(logits, both);
  }

  /// Σ weight · divergence
  at::Tensor sum() const {
    auto rows = index(term.logitRows.tensor);
    auto z = pick(rows.unsqueeze(1), index(term.candidates.tensor).unsqueeze(0));
    at::Tensor extra = term.contrastiveTokens ? contrastive(rows) : at::Tensor();
    if (extra.defined()) z = at::cat({z, extra}, 1);
    auto logQ = z.log_softmax(1);
    auto [p, logP] = targets();
    auto each = term.isReversed ? (logQ.exp() * (logQ - logP)).sum(1) : (p * (logP - logQ)).sum(1);
    if (term.overVocabulary) {
      auto all = logits.index_select(0, rows);
      if (extra.defined()) all = at::cat({all, extra}, 1);
      each = each + all.logsumexp(1) - z.logsumexp(1);
    }
    return (number(term.weights.tensor) * each).sum();
  }
};
}  // namespace

std::tuple<at::Tensor, at::Tensor> composedLoss(const Plan &plan, const at::Tensor &logits,
                                                const ContrastLogits &contrast) {
  auto labels = transfer(plan.labels, logits.device(), at::kLong);
  auto total = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum, -100, plan.labelSmoothing) *
               plan.crossEntropyScale;
  std::vector<at::Tensor> sums{total.detach()};
  for (const auto &term : plan.terms) {
    auto sum = ComposedTerm{term, logits, contrast}.sum();
    sums.push_back(sum.detach());
    total = total + sum * term.coefficient;
  }
  return {total, at::stack(sums).to(at::kDouble)};
}
}  // namespace ct
