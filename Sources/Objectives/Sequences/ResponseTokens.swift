// SPDX-License-Identifier: Apache-2.0
import MetricTokens

extension Supervision {
  /// Learnt tokens of each response to a prompt: of the best and the others, or of one kind alone.
  func responseTokens(best: Bool?) -> [Range<Int>] {
    groups.flatMap { group in
      zip(group.documents, group.worth.chosen).compactMap { document, chosen in
        best.map { $0 == (chosen == 1) } ?? true ? documents[document].tokens : nil
      }
    }
  }
}
