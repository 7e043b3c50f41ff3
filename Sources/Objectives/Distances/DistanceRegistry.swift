// SPDX-License-Identifier: Apache-2.0
/// Parameters of a distance in a run file.
public struct DistanceParameters: Sendable, Hashable {
  /// Length of the circle, for `circular`.
  public var period: Double?
  /// The distances, for `table`.
  public var table: [[Double]]?
  /// Embeddings, for `cosine`, `euclidean` and `meanSquared`.
  public var codeBook: CodeBook?
  /// Name of the distance that `shuffled` deals out anew.
  public var original: String?
  /// Seed of `shuffled`.
  public var seed: UInt64
  /// Unit that `shuffled` permutes.
  public var shuffle: ShuffledDistance.Unit

  /// Memberwise.
  public init(
    period: Double? = nil, table: [[Double]]? = nil, codeBook: CodeBook? = nil, original: String? = nil,
    seed: UInt64 = 0, shuffle: ShuffledDistance.Unit = .pairs
  ) {
    self.period = period
    self.table = table
    self.codeBook = codeBook
    self.original = original
    self.seed = seed
    self.shuffle = shuffle
  }
}

/// Distances by name, for run files. Adding a distance is one file and one line here.
public enum DistanceRegistry {
  private static let makers: [String: @Sendable (DistanceParameters) throws -> any Distance] = [
    "squared": { _ in SquaredDistance() },
    "absolute": { _ in AbsoluteDistance() },
    "circular": { try CircularDistance(period: require($0.period, "circular", "a period")) },
    "discrete": { _ in DiscreteDistance() },
    "table": { try TableDistance(require($0.table, "table", "its entries")) },
    "cosine": { try CosineDistance(require($0.codeBook, "cosine", "a code book")) },
    "euclidean": { try EuclideanDistance(require($0.codeBook, "euclidean", "a code book")) },
    "meanSquared": { try MeanSquaredDistance(require($0.codeBook, "meanSquared", "a code book")) },
    "shuffled": { parameters in
      let original = try require(parameters.original, "shuffled", "the distance to shuffle")
      guard original != "shuffled" else {
        throw ObjectiveError("shuffled distance", "it would shuffle itself", remedy: "Name another distance.")
      }
      return try ShuffledDistance(make(original, parameters), seed: parameters.seed, by: parameters.shuffle)
    },
  ]

  /// All names, sorted.
  public static var names: [String] { makers.keys.sorted() }

  /// The distance of this name.
  ///
  /// - Throws: `ObjectiveError` for an unknown name (the known ones are listed) or a missing parameter.
  public static func make(
    _ name: String, _ parameters: DistanceParameters = DistanceParameters()
  ) throws -> any Distance {
    guard let maker = makers[name] else {
      throw ObjectiveError(
        "distance", "\"\(name)\" is not known", remedy: "Choose one of \(names.joined(separator: ", ")).")
    }
    return try maker(parameters)
  }

  private static func require<T>(_ parameter: T?, _ name: String, _ what: String) throws -> T {
    guard let parameter else {
      throw ObjectiveError("\(name) distance", "it needs \(what)", remedy: "Add \(what) to the metric.")
    }
    return parameter
  }
}
