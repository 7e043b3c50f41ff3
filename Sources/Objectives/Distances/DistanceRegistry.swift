// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A distance that run files can name, with parameters that it reads itself.
///
///     DistanceRegistry.register(ClockDistance.self)
///
/// is all that a program does to have one of its own in run files.
public protocol NamedDistance: Distance {
  /// Name in run files and reports.
  static var name: String { get }
  /// Parameters it reads; none by default.
  static var parameters: [DistanceParameter] { get }
  /// From the parameters of a run file.
  ///
  /// - Throws: `ObjectiveError` if one is missing or not allowed.
  init(_ parameters: DistanceParameters) throws
}

extension NamedDistance {
  /// That of the type.
  public var name: String { Self.name }
  /// None.
  public static var parameters: [DistanceParameter] { [] }
}

/// Distances by name, for run files. One of the library is one file and one line here; one of a program is registered
/// by it.
public enum DistanceRegistry {
  private static let types = Mutex<[any NamedDistance.Type]>([
    SquaredDistance.self,
    AbsoluteDistance.self,
    CircularDistance.self,
    RelativeDistance.self,
    DiscreteDistance.self,
    TableDistance.self,
    CosineDistance.self,
    EuclideanDistance.self,
    MeanSquaredDistance.self,
    ShuffledDistance.self,
  ])

  /// Adds a distance under its name, before run files are read that use it. A second time changes nothing.
  ///
  /// - Precondition: no other distance has the name.
  public static func register(_ type: any NamedDistance.Type) {
    types.withLock { types in
      guard let known = types.first(where: { $0.name == type.name }) else { return types.append(type) }
      precondition(known == type, "two distances are called \(type.name): \(known) and \(type)")
    }
  }

  /// All names, sorted.
  public static var names: [String] { types.withLock { $0.map { $0.name } }.sorted() }

  /// Names of the distances between numbers, sorted: those that targets over whole values can have.
  public static var namesBetweenValues: [String] {
    types.withLock { $0.filter { $0 is any ValueDistance.Type }.map { $0.name } }.sorted()
  }

  /// Parameters of all distances, each name once.
  public static var parameters: [DistanceParameter] {
    types.withLock { $0.flatMap { $0.parameters } }.reduce(into: []) { all, parameter in
      if !all.contains(where: { $0.name == parameter.name }) { all.append(parameter) }
    }
  }

  /// The distance of this name.
  ///
  /// - Throws: `ObjectiveError` for an unknown name (the known ones are listed), or a parameter that is missing or not
  ///   allowed.
  public static func make(_ name: String, _ parameters: DistanceParameters = [:]) throws -> any Distance {
    guard let type = types.withLock({ $0.first { $0.name == name } }) else {
      throw ObjectiveError(
        "distance", "\"\(name)\" is not known", remedy: "Choose one of \(names.joined(separator: ", ")).")
    }
    do {
      return try type.init(parameters)
    } catch var error as ObjectiveError where error.part == "distance" {
      error.part = "\(name) distance"
      throw error
    }
  }
}
