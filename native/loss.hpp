// SPDX-License-Identifier: Apache-2.0
// One row of logits: cross entropy and distance terms, and their derivative, in one pass over the row.
#pragma once
#include <vector>

#include "ctorch.h"
#include "kernels/kernels.hpp"

namespace ct {
/// A distance term, its tables checked.
struct Term {
  double coefficient;
  bool vocabulary, reverse;
  const int64_t *candidates;
  int64_t count, width;  ///< candidates, without and with the contrastive token
  int64_t positions;
  const int64_t *rows, *targets, *contrastiveTokens, *contrastiveRows;  ///< the last two may be null
  const double *weights, *p, *logP;
  const float *vectors;  ///< [dimensions, count], or null where there are tables
  int64_t dimensions;
  const double *sharpness;
  std::vector<float> squares;  ///< |e(v)|^2

  /// The target around candidate x, made here: p and log p, [count] each.
  void target(int64_t x, double *p, double *logP) const;
};

/// A term at one position.
struct Entry {
  const Term *term;
  int64_t index;  ///< of the position in its term
  size_t order;   ///< of the position among all terms' positions
};

/// What is asked of every row, and what was found. Rows are independent: threads may share them out.
class Losses {
 public:
  /// Checks every index of the plan against n rows, a vocabulary and the number of contrast rows.
  Losses(const ct_loss_plan &plan, int64_t rows, int64_t vocabulary, int64_t contrastRows);

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
  const int64_t *labels;
  const double crossEntropyScale, smoothing;
  const int64_t vocabulary;
  std::vector<Term> terms;
  std::vector<Entry> entries;          // by row
  std::vector<size_t> first;           // of each row among the entries, and one past the last
  std::vector<double> crossEntropies;  // by row
  std::vector<double> divergences;     // by order of position
};
}  // namespace ct
