// SPDX-License-Identifier: Apache-2.0
/// One way to make a token of a SentencePiece model of two others. Such a model stores none: a pair of tokens may be merged
/// if that makes a token, and the sooner the better that token's score is.
struct SentencePieceMerge {
  let left: String
  let right: String
  private let score: Double
  private let leftLength: Int
  private let rightLength: Int

  /// The most bytes of a token. Every way to cut it is looked up, so time grows with the square of its length.
  /// SentencePiece makes 16 at most unless told otherwise.
  static let longestToken = 1024

  /// All merges in the order in which they are done.
  ///
  /// - Parameters:
  ///   - tokens: texts by id, each once where they are mergeable.
  ///   - mergeable: ids of tokens that may be merged, or result from it.
  ///   - scores: one for each token.
  static func all(_ tokens: [String], mergeable: Set<Int>, scores: [Double]) -> [SentencePieceMerge] {
    var ids: [String: Int] = [:]
    for id in mergeable { ids[tokens[id]] = id }
    var merges: [SentencePieceMerge] = []
    for id in mergeable.sorted() {
      let scalars = tokens[id].unicodeScalars
      var ofToken: [(merge: SentencePieceMerge, ids: (Int, Int))] = []
      for (length, index) in scalars.indices.enumerated().dropFirst() {
        let (left, right) = (String(scalars[..<index]), String(scalars[index...]))
        guard let leftID = ids[left], let rightID = ids[right] else { continue }
        let merge = SentencePieceMerge(
          left: left, right: right, score: scores[id], leftLength: length, rightLength: scalars.count - length)
        ofToken.append((merge, (leftID, rightID)))
      }
      merges += ofToken.sorted { $0.ids < $1.ids }.map(\.merge)
    }
    // Stable, as Python's sort is: merges that compare equal stay in the order of the vocabulary.
    let order = merges.indices.sorted { a, b in
      if merges[a].precedes(merges[b]) { return true }
      return !merges[b].precedes(merges[a]) && a < b
    }
    return order.map { merges[$0] }
  }

  /// Whether it is done before another: SentencePiece merges the pair whose result has the best score. Between the ways
  /// to make one token the order is that of transformers' `generate_merges`: the longest left part first.
  private func precedes(_ other: SentencePieceMerge) -> Bool {
    (score, leftLength, rightLength) > (other.score, other.leftLength, other.rightLength)
  }
}
