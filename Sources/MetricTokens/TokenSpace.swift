// SPDX-License-Identifier: Apache-2.0
/// The candidates of a metric: tokens with values, V_d in the paper (section 2.1).
///
/// A candidate is known by its index 0 ..< M, everywhere: targets, distances and `MetricPosition.candidate` speak of
/// candidates, only the loss and the decoder translate to token ids. Numbers, scores and bins carry `values`. Labels
/// and code books carry none: their distance comes from a table or from embeddings, by the same index.
public struct TokenSpace: Sendable, Hashable {
  /// How a candidate stands in a text, so that ``MetricFinder`` knows what to look for.
  public enum Unit: String, Sendable, Hashable, Codable {
    /// One digit of a number: `0` … `9`.
    case digit
    /// Some digits of a number, as the tokenizer cut it: `102` and `4` of 1024.
    case digitRun
    /// A whole number: `17`.
    case number
    /// One character of a number: a digit, its point or its minus sign. Targets are over the whole number and given
    /// with each token (``GivenTarget``).
    case character
    /// Some characters of a number as the tokenizer cuts it: digits, point, sign, several of these, or the space before
    /// them. Targets are over the whole number, as with `character`.
    case piece
    /// The token itself, wherever it stands: a label, a coordinate bin, an image code.
    case token
  }

  /// Name for messages and reports.
  public let name: String
  /// How a candidate stands in a text.
  public let unit: Unit
  /// Token id of each candidate. Count M.
  public let ids: [Int32]
  /// Value of each candidate; nil where tokens have no number of their own. Count M.
  public let values: [Double]?
  /// Base measure q of the target p ∝ q·exp(−d/τ), count M; nil means uniform. Duplicates ("00" beside "0") are
  /// given no mass or share it through this.
  public let base: [Double]?

  private let candidates: [Int32: Int]

  /// A space of explicit tokens.
  ///
  /// - Throws: `TokenSpaceError` for fewer than two candidates, an id that is negative or occurs twice, counts that
  ///   differ, values that are not finite, a base measure that is negative or nowhere positive.
  public init(
    name: String, unit: Unit = .token, ids: [Int32], values: [Double]? = nil, base: [Double]? = nil
  ) throws {
    func require(_ condition: Bool, _ problem: @autoclosure () -> String, _ remedy: String) throws {
      if !condition { throw TokenSpaceError(space: name, problem: problem(), remedy: remedy) }
    }
    try require(
      ids.count >= 2, "\(ids.count) candidate\(ids.count == 1 ? "" : "s"), a distance needs at least two",
      "Name more tokens.")
    for (what, count) in [("values", values?.count), ("base weights", base?.count)] {
      try require(count ?? ids.count == ids.count, "\(count ?? 0) \(what) for \(ids.count) tokens", "Give one each.")
    }
    if let values {
      let bad = values.firstIndex { !$0.isFinite }
      try require(bad == nil, "value of candidate \(bad ?? 0) is not finite", "Give every token a finite number.")
    }
    if let base {
      try require(
        base.allSatisfy { $0.isFinite && $0 >= 0 } && base.contains { $0 > 0 },
        "a base measure that is negative, not finite or zero everywhere", "Give weights ≥ 0, at least one above 0.")
    }
    if unit == .digit {
      try require(
        values?.allSatisfy { $0 >= 0 && $0 <= 9 && $0 == $0.rounded() } ?? false,
        "digits whose values are not 0 … 9", "Use `TokenSpace.digits(of:)`.")
    }
    var candidates = [Int32: Int](minimumCapacity: ids.count)
    for (candidate, id) in ids.enumerated() {
      try require(id >= 0, "token id \(id)", "Ids start at 0.")
      try require(candidates.updateValue(candidate, forKey: id) == nil, "token id \(id) twice", "List each token once.")
    }
    (self.name, self.unit, self.ids, self.values, self.base) = (name, unit, ids, values, base)
    self.candidates = candidates
  }

  /// Number of candidates M.
  public var count: Int { ids.count }

  /// Index of a token among the candidates, nil if it is not one.
  public func candidate(of id: Int32) -> Int? { candidates[id] }

  /// The first candidate with this value (the canonical one, where there are duplicates).
  public func candidate(valued value: Double) -> Int? { values?.firstIndex(of: value) }

  /// Checks that a model with this many logits can produce every candidate.
  ///
  /// - Throws: `TokenSpaceError` naming the first candidate beyond the end.
  public func check(vocabularySize: Int) throws {
    guard let id = ids.first(where: { Int($0) >= vocabularySize }) else { return }
    throw TokenSpaceError(
      space: name, problem: "token id \(id), but the model has only \(vocabularySize) logits",
      remedy: "Use the tokenizer that belongs to the model.")
  }

  /// Equal if name, unit, candidates, values and base measure are.
  public static func == (a: TokenSpace, b: TokenSpace) -> Bool {
    a.name == b.name && a.unit == b.unit && a.ids == b.ids && a.values == b.values && a.base == b.base
  }

  /// Hashes name and candidates.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(ids)
  }
}

/// Why tokens cannot form a space, and what to do about it.
public struct TokenSpaceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Name of the space.
  public var space: String
  /// Problem.
  public var problem: String
  /// Remedy.
  public var remedy: String

  /// Memberwise.
  public init(space: String, problem: String, remedy: String) {
    self.space = space
    self.problem = problem
    self.remedy = remedy
  }

  /// `token space digits: … . Remedy.`
  public var description: String { "token space \(space): \(problem). \(remedy)" }
}
