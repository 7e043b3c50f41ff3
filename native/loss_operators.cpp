// SPDX-License-Identifier: Apache-2.0
// The losses as operators: their columns read into terms, then our kernels or ATen's operators.
#include <ATen/ops/index.h>
#include <ATen/ops/linear.h>

#include "fused_loss.hpp"

using namespace ct;

namespace {
using Optional = std::optional<at::Tensor>;
using Optionals = std::optional<c10::List<Optional>>;
using Flags = std::optional<c10::List<bool>>;

/// The columns of all terms, as the operators get them: each is a list with an entry for each term.
struct Columns {
  at::TensorList candidates, logitRows, weights, targets;
  c10::List<Optional> p;
  at::ArrayRef<double> coefficients;
  Flags overVocabulary, isReversed;
  Optionals logP, vectors, sharpness, contrastiveTokens, contrastiveRows;

  std::vector<Term> terms() const {
    for (size_t n : {logitRows.size(), weights.size(), targets.size(), p.size(), coefficients.size()}) same(n);
    std::vector<Term> made(candidates.size());
    for (size_t i = 0; i < made.size(); i++) {
      auto &t = made[i];
      t.coefficient = coefficients[i];
      t.overVocabulary = flag(overVocabulary, i);
      t.isReversed = flag(isReversed, i);
      t.candidates.tensor = candidates[i];
      t.logitRows.tensor = logitRows[i];
      t.weights.tensor = weights[i];
      t.targets.tensor = targets[i];
      t.p.tensor = column(p, i);
      t.logP.tensor = column(logP, i);
      t.vectors.tensor = column(vectors, i);
      t.sharpness.tensor = column(sharpness, i);
      t.contrastiveTokens.tensor = column(contrastiveTokens, i);
      t.contrastiveRows.tensor = column(contrastiveRows, i);
    }
    return made;
  }

 private:
  void same(size_t n) const {
    TORCH_CHECK(n == candidates.size(), "loss: ", candidates.size(), " candidate lists, but another list has ", n);
  }
  bool flag(const Flags &list, size_t i) const {
    if (!list) return false;
    same(list->size());
    return (*list)[i];
  }
  at::Tensor column(const Optionals &list, size_t i) const {
    if (!list) return {};
    same(list->size());
    Optional found = (*list)[i];
    return found ? *found : at::Tensor();
  }
};

/// Types whose logits are taken in float32.
bool isHalf(const at::Tensor &t) { return t.scalar_type() == at::kBFloat16 || t.scalar_type() == at::kHalf; }
at::Tensor full(const at::Tensor &t) { return isHalf(t) ? t.to(at::kFloat) : t; }

/// Whether our kernels take these inputs, which may be in half precision.
bool isTaken(const LinearInputs &in) {
  auto fits = [](const Optional &t) {
    return !t || ((t->scalar_type() == at::kFloat || isHalf(*t)) && isInMemory(*t));
  };
  return !isPlainAsked() && fits(in.hidden) && fits(in.weight) && fits(in.bias) && fits(in.contrast);
}

Pair compose(const LinearInputs &in, const Plan &plan) {
  const auto &[hidden, weight, bias, contrast] = in;
  // Logits of the contrastive passes are needed of single tokens: products of a state and a weight's row.
  return composedLoss(plan, full(at::linear(hidden, weight, bias)), [&](const auto &rows, const auto &tokens) {
    TORCH_CHECK(in.contrast, "loss: no hidden states of the contrastive passes");
    auto logits = (full(in.contrast->index_select(0, rows)) * full(in.weight.index_select(0, tokens))).sum(1);
    return in.bias ? logits + full(in.bias->index_select(0, tokens)) : logits;
  });
}

Pair compose(const LogitsInputs &in, const Plan &plan) {
  return composedLoss(plan, full(in.logits), [&](const at::Tensor &rows, const at::Tensor &tokens) {
    TORCH_CHECK(in.contrast, "loss: no logits of the contrastive passes");
    c10::List<Optional> both;
    both.push_back(rows);
    both.push_back(tokens);
    return full(at::index(*in.contrast, both));
  });
}

/// The dispatch key that a function is registered for.
enum class Key { composite, cpu, autograd };

template <Key key>
Pair linearLoss(const at::Tensor &hidden, const at::Tensor &weight, const Optional &bias, const at::Tensor &labels,
                at::TensorList candidates, at::TensorList logitRows, at::TensorList weights, at::TensorList targets,
                const c10::List<Optional> &p, at::ArrayRef<double> coefficients, double scale, double smoothing,
                const Flags &overVocabulary, const Flags &isReversed, const Optionals &logP, const Optionals &vectors,
                const Optionals &sharpness, const Optionals &contrastiveTokens, const Optionals &contrastiveRows,
                const Optional &contrast, int64_t chunk) {
  Columns columns{candidates, logitRows, weights, targets, p, coefficients, overVocabulary, isReversed,
                  logP, vectors, sharpness, contrastiveTokens, contrastiveRows};
  Plan plan{labels, scale, smoothing, columns.terms()};
  LinearInputs in{hidden, weight, bias, contrast};
  return key == Key::composite || !isTaken(in) ? compose(in, plan) : fusedLoss(in, plan, chunk, key == Key::autograd);
}

template <Key key>
Pair logitsLoss(const at::Tensor &logits, const at::Tensor &labels, at::TensorList candidates,
                at::TensorList logitRows, at::TensorList weights, at::TensorList targets, const c10::List<Optional> &p,
                at::ArrayRef<double> coefficients, double scale, double smoothing, const Flags &overVocabulary,
                const Flags &isReversed, const Optionals &logP, const Optionals &vectors, const Optionals &sharpness,
                const Optionals &contrastiveTokens, const Optionals &contrastiveRows, const Optional &contrast) {
  Columns columns{candidates, logitRows, weights, targets, p, coefficients, overVocabulary, isReversed,
                  logP, vectors, sharpness, contrastiveTokens, contrastiveRows};
  Plan plan{labels, scale, smoothing, columns.terms()};
  LogitsInputs in{logits, contrast};
  bool isTaken = key != Key::composite && kernelsTake(logits, contrast);
  return isTaken ? fusedLoss(in, plan, key == Key::autograd) : compose(in, plan);
}

// total = scale · Σ CE + Σ coefficient · Σ weight · KL(target ‖ softmax over the candidates); sums [1 + terms] float64:
// its parts without α. Each list has an entry for each term; what its columns are, CandidateTerm says in
// Sources/Torch/FusedLoss.swift.
constexpr char columns[] =
    "Tensor labels, Tensor[] candidates, Tensor[] logit_rows, Tensor[] weights, Tensor[] targets, Tensor?[] p, "
    "float[] coefficients, float scale, float label_smoothing=0., bool[]? over_vocabulary=None, "
    "bool[]? is_reversed=None, Tensor?[]? log_p=None, Tensor?[]? vectors=None, Tensor?[]? sharpness=None, "
    "Tensor?[]? contrastive_tokens=None, Tensor?[]? contrastive_rows=None, Tensor? contrast=None";

template <class F> void define(torch::Library &library, const char *name, const std::string &arguments, F *composed,
                               F *onCPU, F *onAutogradCPU) {
  library.def((name + arguments + " -> (Tensor total, Tensor sums)").c_str(), composed);
  library.impl(name, torch::dispatch(c10::DispatchKey::CPU, onCPU));
  library.impl(name, torch::dispatch(c10::DispatchKey::AutogradCPU, onAutogradCPU));
}
}  // namespace

void ct::defineLosses(torch::Library &library) {
  // hidden [N, H], weight [V, H], bias [V], contrast [C, H]: hidden states of the contrastive passes. Logits exist for
  // `chunk` rows at a time (0: as memory suggests).
  define(library, "linear_cross_entropy_distance",
         "(Tensor hidden, Tensor weight, Tensor? bias, " + std::string(columns) + ", int chunk=0)",
         &linearLoss<Key::composite>, &linearLoss<Key::cpu>, &linearLoss<Key::autograd>);
  // logits [N, V], contrast [C, V]
  define(library, "cross_entropy_distance", "(Tensor logits, " + std::string(columns) + ")",
         &logitsLoss<Key::composite>, &logitsLoss<Key::cpu>, &logitsLoss<Key::autograd>);
}
