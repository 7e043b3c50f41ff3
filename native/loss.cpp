// SPDX-License-Identifier: Apache-2.0
#include "loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <cmath>

namespace ct {
namespace {
void inside(int64_t value, int64_t count, const char *what) {
  TORCH_CHECK(value >= 0 && value < count, "loss: ", what, " ", value, " of ", count);
}

double logAdd(double a, double b) {
  double top = std::max(a, b);
  return std::isinf(top) ? top : top + std::log(std::exp(a - top) + std::exp(b - top));
}
}  // namespace

template <class T> void Column<T>::read(int64_t count, const char *what) {
  auto type = c10::CppTypeToScalarType<T>::value;
  TORCH_CHECK(tensor.numel() == count, "loss: ", what, " must be ", count, " of ", type, "; got ", tensor.sizes(),
              " of ", tensor.scalar_type());
  // Three operators for each column would cost more than small losses themselves.
  bool asNeeded = tensor.is_cpu() && tensor.scalar_type() == type && tensor.is_contiguous();
  if (!asNeeded) tensor = tensor.detach().to(at::kCPU, type).contiguous();
  data = tensor.const_data_ptr<T>();
}

/// Targets as tables; returns how many there are.
int64_t Term::readTables() {
  TORCH_CHECK(p, "loss: neither targets nor vectors");
  const auto &table = p.tensor;
  TORCH_CHECK(count > 0 && table.dim() == 2 && table.size(1) == width, "loss: targets ", table.sizes(), " for ", width,
              " candidates");
  p.read(table.numel(), "p");
  if (!logP) logP.tensor = at::where(p.tensor > 0, p.tensor.log(), at::zeros_like(p.tensor));
  logP.read(p.tensor.numel(), "log p");
  return p.tensor.size(0);
}

/// Targets by vectors; there is one around each candidate.
int64_t Term::readVectors() {
  const auto &given = vectors.tensor;
  TORCH_CHECK(given.dim() == 2 && given.size(1) > 0 && given.size(0) == count && count > 0 && !contrastiveTokens &&
                  sharpness,
              "loss: vectors ", given.sizes(), " for ", count, " candidates");
  dimensions = given.size(1);
  vectors.tensor = given.detach().t();
  vectors.read(count * dimensions, "vectors");
  sharpness.read(count, "sharpness");
  squares.resize(count);
  for (int64_t d = 0; d < dimensions; d++)
    for (int64_t v = 0; v < count; v++) {
      float e = vectors[d * count + v];
      squares[v] += e * e;
    }
  return count;
}

void Term::read(int64_t rows, int64_t vocabulary, int64_t contrastRows) {
  int64_t n = positions = logitRows.tensor.numel();
  count = candidates.tensor.numel();
  width = count + (contrastiveTokens ? 1 : 0);
  candidates.read(count, "candidates");
  logitRows.read(n, "rows");
  targets.read(n, "targets");
  weights.read(n, "weights");
  if (contrastiveTokens) contrastiveTokens.read(n, "contrastive tokens");
  if (contrastiveRows) contrastiveRows.read(n, "contrastive examples' rows");
  int64_t known = vectors ? readVectors() : readTables();
  for (int64_t c = 0; c < count; c++) inside(candidates[c], vocabulary, "candidate");
  for (int64_t i = 0; i < n; i++) {
    inside(logitRows[i], rows, "row");
    inside(targets[i], known, "target");
    if (contrastiveTokens) inside(contrastiveTokens[i], vocabulary, "contrastive example's token");
    if (contrastiveRows) inside(contrastiveRows[i], contrastRows, "contrastive example's row");
  }
}

void Term::target(int64_t x, double *p, double *logP) const {
  thread_local std::vector<float> scores, weights;
  scores.resize(count);
  weights.resize(count);
  // -s |e(v) - e(x)|^2 without its part that is the same for all v.
  float s = static_cast<float>(sharpness[x]);
  for (int64_t v = 0; v < count; v++) scores[v] = -s * squares[v];
  const auto &k = kernels();
  for (int64_t d = 0; d < dimensions; d++) {
    const float *column = vectors.data + d * count;
    k.axpy(2 * s * column[x], column, scores.data(), count);
  }
  float top = k.largest(scores.data(), count);
  double sum = k.exponentials(scores.data(), top, weights.data(), count), logSum = top + std::log(sum);
  for (int64_t v = 0; v < count; v++) {
    p[v] = weights[v] / sum;
    logP[v] = scores[v] - logSum;
  }
}

Losses::Losses(Plan given, int64_t rows, int64_t vocabulary, int64_t contrastRows)
    : plan(std::move(given)), labels{plan.labels}, vocabulary(vocabulary), first(rows + 1), crossEntropies(rows) {
  labels.read(rows, "labels");
  for (int64_t i = 0; i < rows; i++)
    if (labels[i] != -100) inside(labels[i], vocabulary, "label");
  auto &terms = plan.terms;
  for (auto &term : terms) term.read(rows, vocabulary, contrastRows);

  size_t count = 0;
  for (const auto &t : terms)
    for (int64_t i = 0; i < t.positions; i++, count++) first[t.logitRows[i] + 1]++;
  for (int64_t i = 0; i < rows; i++) first[i + 1] += first[i];
  entries.resize(count);
  auto next = first;
  size_t order = 0;
  for (const auto &t : terms)
    for (int64_t i = 0; i < t.positions; i++) entries[next[t.logitRows[i]]++] = {&t, i, order++};
  contrastLogits.resize(count);
  contrastGradients.resize(count);
  divergences.resize(count);
}

struct Losses::Share {
  const Entry *entry;
  float *gradient;    // d divergence / d its candidates' logits
  double factor;      // α·w
  double logSum;      // of its candidates
  double contrastive = 0;   // the contrastive example's logit
  const Term &term() const { return *entry->term; }
};

float Losses::row(int64_t i, const float *z, float *g, bool scaled) {
  const auto &k = kernels();
  thread_local std::vector<float> room;
  thread_local std::vector<double> made;
  thread_local std::vector<Share> shares;
  int64_t size = 0, used = 0, widest = 0;
  for (size_t e = first[i]; e < first[i + 1]; e++) {
    size += entries[e].term->width;
    widest = std::max(widest, entries[e].term->width);
  }
  room.resize(size + widest);
  float *gathered = room.data() + size;
  shares.clear();

  // What only the candidates decide, while z is still there.
  for (size_t e = first[i]; e < first[i + 1]; e++) {
    const auto &entry = entries[e];
    const auto &t = *entry.term;
    for (int64_t c = 0; c < t.count; c++) gathered[c] = z[t.candidates[c]];
    Share share{&entry, room.data() + used, t.coefficient * t.weights[entry.index], 0};
    if (t.contrastiveTokens) {
      float x = t.contrastiveRows ? contrastLogits[entry.order] : z[t.contrastiveTokens[entry.index]];
      gathered[t.count] = x;
      share.contrastive = x;
    }
    int64_t target = t.targets[entry.index];
    const double *p = t.p.data + target * t.width, *logP = t.logP.data + target * t.width;
    if (t.vectors) {
      made.resize(2 * t.count);
      t.target(target, made.data(), made.data() + t.count);
      p = made.data(), logP = p + t.count;
    }
    auto found = k.divergence(gathered, p, logP, t.width, t.isReversed, t.overVocabulary, share.gradient);
    divergences[entry.order] = found.value;
    share.logSum = found.logSum;
    shares.push_back(share);
    used += t.width;
  }

  const double crossEntropyScale = plan.crossEntropyScale, smoothing = plan.labelSmoothing;
  int64_t label = labels[i];
  bool supervised = label != -100;
  double own = supervised ? z[label] : 0;
  double mean = supervised && smoothing != 0 ? k.sum(z, vocabulary) / static_cast<double>(vocabulary) : 0;
  float top = k.largest(z, vocabulary);
  double s = k.exponentials(z, top, g, vocabulary), logSum = static_cast<double>(top) + std::log(s);
  double crossEntropy = (1 - smoothing) * (logSum - own) + (smoothing != 0 ? smoothing * (logSum - mean) : 0);
  crossEntropies[i] = supervised ? crossEntropy : 0;

  // How much of softmax(z) the derivative holds: once for cross entropy, once for each term over the vocabulary.
  double dense = supervised ? crossEntropyScale : 0, magnitude = std::abs(dense);
  for (auto &share : shares) {
    magnitude += std::abs(share.factor);
    if (!share.term().overVocabulary) continue;
    double all = share.term().contrastiveTokens ? logAdd(logSum, share.contrastive) : logSum;  // over V, and x̄'s token
    divergences[share.entry->order] += all - share.logSum;
    dense += share.factor * std::exp(logSum - all);
    if (share.term().contrastiveTokens)
      share.gradient[share.term().count] += static_cast<float>(std::exp(share.contrastive - all));
  }
  if (!g) return 1;

  // g holds e^(z − top). Either it becomes the derivative, or the factor dense / s is left to the caller.
  double factor = dense / s;
  if (scaled || std::abs(dense) < 1e-3 * magnitude || dense == 0) {
    if (dense == 0 && std::isfinite(s)) std::fill(g, g + vocabulary, 0.f);
    else k.scale(g, static_cast<float>(factor), 0, vocabulary);
    factor = 1;
  }
  auto add = [&](int64_t token, double amount) { g[token] += static_cast<float>(amount / factor); };
  if (supervised) {
    add(label, -crossEntropyScale * (1 - smoothing));
    double each = -crossEntropyScale * smoothing / static_cast<double>(vocabulary) / factor;
    if (smoothing != 0) k.scale(g, 1, static_cast<float>(each), vocabulary);
  }
  for (const auto &share : shares) {
    const auto &t = share.term();
    for (int64_t c = 0; c < t.count; c++) add(t.candidates[c], share.factor * share.gradient[c]);
    if (!t.contrastiveTokens) continue;
    double amount = share.factor * share.gradient[t.count];
    if (t.contrastiveRows) contrastGradients[share.entry->order] = static_cast<float>(amount);
    else add(t.contrastiveTokens[share.entry->index], amount);
  }
  return static_cast<float>(factor);
}

std::vector<double> Losses::sums() const {
  const auto &terms = plan.terms;
  std::vector<double> sums(2 + terms.size());
  for (double value : crossEntropies) sums[1] += value * plan.crossEntropyScale;
  sums[0] = sums[1];
  size_t order = 0;
  for (size_t k = 0; k < terms.size(); k++) {
    for (int64_t i = 0; i < terms[k].positions; i++) sums[2 + k] += terms[k].weights[i] * divergences[order++];
    sums[0] += terms[k].coefficient * sums[2 + k];
  }
  return sums;
}
}  // namespace ct
