// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Files
import Objectives

/// The runs of an experiment: every variant under every condition with every seed.
///
/// A condition is one value of each factor, such as the number of training examples. Seeds are outermost, so that an
/// interrupted experiment holds whole seeds, and runs of one seed and condition read the same data.
public struct Grid: Codable, Sendable, Equatable {
  /// Factors beside the variant and the seed.
  public struct Factor: Codable, Sendable, Equatable {
    /// What stands in names of runs before the value: `n`.
    public var name: String
    /// Name in tables and axes: `training examples`.
    public var title: String
    /// What it takes in turn, the first values first.
    public var values: [Double]
    /// Values that make sense.
    public var range: ClosedRange<Double>
    /// Whether values are counts.
    public var isWhole: Bool
    /// Names of the values 0, 1, …, where they are no numbers.
    public var labels: [String]?

    /// A factor of counts.
    public init(_ name: String, _ title: String, _ values: [Int], in range: ClosedRange<Int> = 1...1_000_000_000) {
      self.init(name, title, values.map(Double.init), in: Double(range.lowerBound)...Double(range.upperBound))
      isWhole = true
    }

    /// A factor of things that have names.
    public init(_ name: String, _ title: String, named labels: [String]) {
      self.init(name, title, Array(labels.indices), in: 0...max(0, labels.count - 1))
      self.labels = labels
    }

    /// A factor of numbers.
    public init(_ name: String, _ title: String, _ values: [Double], in range: ClosedRange<Double>) {
      (self.name, self.title, self.values, self.range, isWhole) = (name, title, values, range, false)
    }

    /// The factor with both one's values, names of values apart.
    func joined(with other: Factor) -> Factor {
      var both = self
      if let labels, let others = other.labels {
        both = Factor(name, title, named: labels + others.filter { !labels.contains($0) })
      } else {
        both.values += other.values.filter { !values.contains($0) }
      }
      return both
    }

    /// What stands in names of runs for a value: `n10`, `diabetes`.
    func level(_ value: Double) -> String { labels?[Int(value)] ?? name + Grid.text(value) }  // bounded: an index
  }

  /// Names of what is compared, such as objectives.
  public var variants: [String]
  /// The first is what `--sizes` sets.
  public var factors: [Factor]
  /// Seeds of data, order, weights: what an experiment lets them decide.
  public var seeds: [Int]

  /// Memberwise.
  public init(_ variants: [String], by factors: [Factor] = [], seeds: [Int]) {
    (self.variants, self.factors, self.seeds) = (variants, factors, seeds)
  }

  /// Values of the first factor; empty without factors.
  public var sizes: [Double] {
    get { factors.first?.values ?? [] }
    set { if !factors.isEmpty { factors[0].values = newValue } }
  }

  /// Every combination of the factors' values, the first factor outermost; one empty combination without factors.
  public var conditions: [[Double]] {
    factors.reduce([[]]) { all, factor in all.flatMap { one in factor.values.map { one + [$0] } } }
  }

  /// The conditions in which some factors, by name, have these values; all others vary.
  public func conditions(_ fixed: [String: Double]) -> [[Double]] {
    conditions.filter { condition in
      zip(factors, condition).allSatisfy { factor, value in fixed[factor.name].map { $0 == value } ?? true }
    }
  }

  /// Every run, seeds outermost.
  public var runs: [GridRun] {
    seeds.flatMap { seed in conditions.flatMap { condition in variants.map { run($0, condition, seed: seed) } } }
  }

  /// One run, whether or not it belongs to the grid.
  public func run(_ variant: String, _ condition: [Double] = [], seed: Int) -> GridRun {
    let levels = zip(factors, condition).map { "-" + $0.level($1) }.joined()
    // A name for files.
    let file = String(variant.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }).replacing("--", with: "-")
    return GridRun(name: "\(file)\(levels)-seed\(seed)", variant: variant, condition: condition, seed: seed)
  }

  /// The grid of both one's variants and seeds; nil where factors differ.
  func joined(with other: Grid) -> Grid? {
    guard factors == other.factors else { return nil }
    var both = self
    both.variants += other.variants.filter { !variants.contains($0) }
    both.seeds += other.seeds.filter { !seeds.contains($0) }
    return both
  }

  /// What must be said of a folder with this grid of which another is asked for; nil where they have the same variants and
  /// seeds.
  func remark(beside asked: Grid) -> String? {
    guard Set(variants) != Set(asked.variants) || Set(seeds) != Set(asked.seeds) else { return nil }
    return
      "holds \(variants.joined(separator: ", ")) with seeds \(seeds.map(String.init).joined(separator: ", ")) already: "
      + "the report, which is replaced, will be of all that is asked for and held. With another --output it is of this alone"
  }

  /// A value as names, tables and messages write it: `10`, `0.25`.
  public static func text(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

  /// Checks what a user can set.
  ///
  /// - Parameter known: the variants there are.
  /// - Throws: `InputError` naming the option.
  public func check(known: [String]) throws(InputError) {
    func isOnce<T: Hashable>(_ values: [T]) -> Bool { !values.isEmpty && Set(values).count == values.count }
    try require(
      isOnce(variants) && variants.allSatisfy(known.contains), "--variants",
      "distinct names of: \(known.joined(separator: ", "))", variants)
    for (index, factor) in factors.enumerated() {
      let fits = factor.values.allSatisfy { value in
        factor.range.contains(value) && (!factor.isWhole || Int(exactly: value) != nil)
      }
      let bounds = [factor.range.lowerBound, factor.range.upperBound].map(Self.text)
      try require(
        isOnce(factor.values) && fits, index == 0 ? "--sizes" : factor.title,
        "distinct \(factor.isWhole ? "whole " : "")numbers from \(bounds[0]) to \(bounds[1])", factor.values)
    }
    try require(isOnce(seeds), "--seeds", "distinct seeds", seeds)
  }
}

/// Throws unless what a user has set makes sense.
///
/// - Throws: `InputError` naming the option.
func require(_ holds: Bool, _ option: String, _ expected: String, _ found: Any) throws(InputError) {
  if !holds { throw InputError(path: "<arguments>", place: option, expected: expected, found: "\(found)") }
}

/// One run of a ``Grid``.
public struct GridRun: Sendable, Hashable {
  /// `dist-n10-seed1`, the name of its file.
  public let name: String
  /// Variant to compare: an objective, for instance.
  public let variant: String
  /// A value for each factor.
  public let condition: [Double]
  /// What its random draws follow from.
  public let seed: Int

  /// The value of the first factor; NaN without factors.
  public var size: Double { condition.first ?? .nan }
  /// The same where it is a count; 0 where it is none.
  public var count: Int { Int(exactly: size) ?? 0 }
}

extension GridRun {
  /// The objective that the variant names.
  var preset: Preset {
    get throws(InputError) {
      guard let preset = Preset(rawValue: variant) else {
        throw InputError(path: name, place: "variant", expected: "an objective", found: variant)
      }
      return preset
    }
  }
}

extension Preset {
  /// Objectives of models that answer: not those with a head of scores.
  static var answering: [Preset] { allCases.filter { $0.rating == nil } }
}
