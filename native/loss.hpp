// SPDX-License-Identifier: Apache-2.0
// One row of logits: cross entropy and distance terms, and their derivative, in one pass over the row.
#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "kernels/kernels.hpp"

namespace ct {
/// A column of a distance term: the tensor as it was given, and its numbers once `read` has put them in order.
template <class T> struct Column {
  at::Tensor tensor;
  const T *data = nullptr;
  explicit operator bool() const { return tensor.defined(); }
  const T &operator[](int64_t i) const { return data[i]; }
  /// Makes the tensor contiguous, on the CPU and of type T; throws unless it has so many numbers.
  void read(int64_t count, const char *what);
};

/// A distance term at n positions that are rated alike: CandidateTerm of Sources/Torch/FusedLoss.swift, column by
/// column, and the same words in the operators' schemas. Columns that a term does not have are undefined.
struct Term {
  double coefficient = 0;
  bool overVocabulary = false, isReversed = false;
  Column<int64_t> candidates;          ///< [M]
  Column<int64_t> logitRows, targets;  ///< [n]
  Column<double> weights;              ///< [n]
  Column<double> p, logP;              ///< [R, K]
  Column<float> vectors;               ///< [M, D], instead of p and log p; transposed once read
  Column<double> sharpness;            ///< [M]
  Column<int64_t> contrastiveTokens, contrastiveRows;  ///< [n]

  // Found when the columns are read.
  int64_t count = 0, width = 0;  ///< candidates, without and with the contrastive token: M and K
  int64_t positions = 0;         ///< n
  int64_t dimensions = 0;        ///< D
  std::vector<float> squares;    ///< |e(v)|^2

  /// Reads every column and checks every index against a number of rows, a vocabulary and a number of contrast rows.
  void read(int64_t rows, int64_t vocabulary, int64_t contrastRows);
  /// The target around candidate x, made here: p and log p, [count] each. Only for terms by vectors.
  void target(int64_t x, double *p, double *logP) const;

 private:
  int64_t readTables();
  int64_t readVectors();
};

/// What is asked of the logits.
struct Plan {
  at::Tensor labels;  ///< [N]; -100 has no cross entropy
  double crossEntropyScale = 1, labelSmoothing = 0;
  std::vector<Term> terms;
};

/// The plan by ATen's operators: {total, sums} in the logits' type, on their device, recorded by autograd.
///
/// `contrast(rows, tokens)` gives logits [n] of tokens in rows of the contrastive passes.
using ContrastLogits = std::function<at::Tensor(const at::Tensor &rows, const at::Tensor &tokens)>;
std::tuple<at::Tensor, at::Tensor> composedLoss(const Plan &plan, const at::Tensor &logits,
                                                const ContrastLogits &contrast);

/// A term at one position.
struct Entry {
  const Term *term;
  int64_t index;  ///< of the position in its term
  size_t order;   ///< of the position among all terms' positions
};

/// What is asked of every row, and what was found. Rows are independent: threads may share them out.
class Losses {
 public:
  /// Reads the plan, see Term::read.
  Losses(Plan plan, int64_t rows, int64_t vocabulary, int64_t contrastRows);

  /// The positions whose candidate comes from another row; their logits must be set before the rows are run.
  template <class Body> void eachContrast(Body body) const {
    for (const auto &e : entries)
      if (e.term->contrastiveRows) body(e.term->contrastiveRows[e.index], e.term->contrastiveTokens[e.index], e.order);
  }
  std::vector<float> contrastLogits;     ///< by order of position
  std::vector<float> contrastGradients;  ///< d total / d of them

  /// Computes one row's losses from its logits z and, unless g is null, writes d total / d z to g (which may be z).
  ///
  /// With `scaled` false the derivative is scale·g instead, with the factor returned: the caller multiplies hidden
  /// states by it, which is cheaper than another pass over the row.
  float row(int64_t i, const float *z, float *g, bool scaled);

  /// {total, Σ cross entropy·scale, Σ w·divergence of each term}, added up in the order of rows.
  std::vector<double> sums() const;

 private:
  struct Share;  // one entry's part in its row
  Plan plan;
  Column<int64_t> labels;
  const int64_t vocabulary;
  std::vector<Entry> entries;          // by row
  std::vector<size_t> first;           // of each row among the entries, and one past the last
  std::vector<double> crossEntropies;  // by row
  std::vector<double> divergences;     // by order of position
};
}  // namespace ct
