// SPDX-License-Identifier: Apache-2.0
/// Rating of a document.
public struct Rating: Sendable, Hashable, Codable {
  /// Index in `EncodedExample.ids` of the token at which a model's opinion is read out: a document's last.
  public var position: Int
  /// One number for each output of the model's head; nil where there is none.
  public var values: [Double?]

  /// Memberwise.
  public init(position: Int, values: [Double?]) { (self.position, self.values) = (position, values) }
}

extension EncodedExample {
  /// Two answers, of which one is better: prompt and answer of each.
  ///
  /// - Parameter margin: by how much, m ≥ 0.
  public init(chosen: [Int32], rejected: [Int32], margin: Double, source: String = "") {
    precondition(margin >= 0, "margin \(margin)")
    precondition(!chosen.isEmpty && !rejected.isEmpty, "an empty document in a pair")
    self.init(
      ids: chosen + rejected, supervised: [Bool](repeating: false, count: chosen.count + rejected.count),
      breaks: [chosen.count], comparison: margin, source: source)
  }

  /// A document and what it is worth: one number for each output of a head, nil where there is none.
  public init(ids: [Int32], rated values: [Double?], source: String = "") {
    precondition(!ids.isEmpty, "an empty document with a rating")
    self.init(
      ids: ids, supervised: [Bool](repeating: false, count: ids.count),
      ratings: [Rating(position: ids.count - 1, values: values)], source: source)
  }

  /// Answers to one prompt that are ranked together: prompt and answer of each, and its score, more is better.
  public init(ranked documents: [[Int32]], scores: [Double], source: String = "") {
    precondition(documents.count == scores.count, "\(scores.count) scores of \(documents.count) documents")
    precondition(documents.allSatisfy { !$0.isEmpty }, "an empty document in a list")
    let ends = documents.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    self.init(
      ids: documents.flatMap { $0 }, supervised: [Bool](repeating: false, count: ends.last ?? 0),
      breaks: Array(ends.dropFirst().dropLast()),
      ratings: zip(ends.dropFirst(), scores).map { Rating(position: $0 - 1, values: [$1]) },
      responses: Responses(.scores(scores)), source: source)
  }
}
