// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
import MetricTokens
import Objectives
public import TokenData

/// A run file: everything that `dist2 train` and related commands need to know, with defaults filled in.
///
/// `docs/run-files.md` explains every key; `Configs/` holds one commented file for each use.
public struct RunSettings: Sendable {
  /// Folder of the model, or its name in the cache.
  public var model: String
  /// Examples.
  public var data: DataSettings
  /// Format of rated responses and their instruction; nil for other data.
  public var reward: RatingReader?
  /// Metrics: the tokens that carry a distance.
  public var metrics: [MetricSettings]
  /// Loss to minimise.
  public var objective: ObjectiveSettings
  /// How.
  public var train: TrainSettings
  /// Evaluation of answers.
  public var evaluate: EvaluateSettings
  /// Folder of the run.
  public var output: String
  /// The same as a tree: every key with what it came to, paths absolute.
  public private(set) var resolved: JSON
  /// The file it was read from.
  public let path: String
  /// The file with what was set of it, for errors that show later.
  private let document: SettingsDocument

  /// Reads a run file.
  ///
  /// - Parameters:
  ///   - overrides: assignments `key=value` in YAML that replace what the file says.
  ///   - values: keys and values that replace both, taken as they are. Paths belong here.
  /// - Throws: `InputError` naming file, line and key: a value out of range, a key that is not known (with the one
  ///   that was probably meant), one that is missing.
  public init(file path: String, overrides: [String] = [], values: [(key: String, value: JSON)] = []) throws {
    try self.init(SettingsDocument(file: path), overrides, values)
  }

  /// As ``init(file:overrides:values:)``, with the file's text at hand.
  public init(
    yaml: String, path: String = "run.yaml", overrides: [String] = [], values: [(key: String, value: JSON)] = []
  ) throws {
    try self.init(SettingsDocument(yaml: yaml, path: path), overrides, values)
  }

  /// As ``init(file:overrides:values:)``, with a tree that a program has put together.
  package init(
    tree: JSON, path: String = "run.yaml", overrides: [String] = [], values: [(key: String, value: JSON)] = []
  ) throws {
    try self.init(SettingsDocument(tree, path: path), overrides, values)
  }

  private init(_ document: SettingsDocument, _ overrides: [String], _ values: [(key: String, value: JSON)]) throws {
    var document = document
    for override in overrides { try document.set(override) }
    for (key, value) in values { try document.set(key, to: value) }
    // A length that is set takes the place of the other one in the file.
    for (set, other) in [("train.steps", "train.epochs"), ("train.epochs", "train.steps")]
    where document.assignment(of: set) != nil && document.assignment(of: other) == nil {
      try document.set(other, to: .null)
      break
    }
    try self.init(SettingsReader(document), document)
  }

  /// Reads what a reader has.
  init(_ reader: SettingsReader) throws { try self.init(reader, reader.document) }

  private init(_ reader: SettingsReader, _ document: SettingsDocument) throws {
    (path, self.document) = (document.path, document)
    model = try reader.required("model")
    let folder = absolutePath(parentFolder(of: path))
    data = try reader.section("data") { try DataSettings($0, folder: folder) }
    reward = try reader.optionalWordOrSection("reward", word: "data") { try RatingReader($0) }
    metrics = try reader.sections("metrics") { try MetricSettings($0) }
    objective = try reader.section("objective") { try ObjectiveSettings($0) }
    train = try reader.section("train") { try TrainSettings($0) }
    evaluate = try reader.section("evaluate") { try EvaluateSettings($0) }
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    output = try reader.value("output", default: "runs/\(name)")
    // Distances that point at files, and the model: relative to the run file if it is there.
    if fileExists(pathInRunFile(model, from: folder)) { model = pathInRunFile(model, from: folder) }
    for index in metrics.indices { metrics[index].makeAbsolute(from: folder) }
    resolved = try reader.finish()
    resolved = data.absolute(resolved.replacing("model", with: .string(model)))
    resolved = resolved.replacing("metrics", with: absoluteMetrics)
    try check(reader)
  }

  /// Runs what puts settings to use, and says of the errors of token spaces and objectives, which know neither files
  /// nor keys, which key of the run they are about.
  ///
  /// - Parameter temperature: the key of the temperature, if that may be at fault.
  /// - Throws: `InputError`, and any error of `body` that is of another kind.
  func naming<R>(_ key: String, temperature: String? = nil, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as TokenSpaceError {
      throw document.error(
        at: key, expected: "tokens that can carry a distance", found: error.problem, remedy: error.remedy)
    } catch let error as ObjectiveError {
      throw document.error(
        at: error.part == "temperature" ? temperature ?? key : key, expected: "an objective that can be computed",
        found: "\(error.part): \(error.problem)",
        remedy: error.remedy)
    }
  }

  /// The metrics of the tree, with the files of their distances as they will be opened.
  private var absoluteMetrics: JSON {
    guard case .array(let trees) = resolved["metrics"] else { return [] }
    return .array(
      zip(trees, metrics).map { tree, metric in
        let path = metric.distance.embeddings.map { JSON.string($0) } ?? .null
        return tree.replacing("distance", with: (tree["distance"] ?? .null).replacing("embeddings", with: path))
      })
  }

  /// Sets what separates groups of digits for one metric, in the tree as well.
  mutating func decide(thousands: NumberGrammar.Thousands, metric index: Int) {
    metrics[index].grammar.thousands = thousands
    guard case .array(var trees) = resolved["metrics"] else { return }
    let grammar = (trees[index]["grammar"] ?? .null).replacing("thousands", with: .string(thousands.rawValue))
    trees[index] = trees[index].replacing("grammar", with: grammar)
    resolved = resolved.replacing("metrics", with: .array(trees))
  }

  /// The metrics whose numbers are taught whole.
  var taughtMetrics: [MetricSettings] { metrics.filter { $0.whole.areTaught(by: objective.preset) } }

  /// Writes down how a metric's numbers are written and how wide their targets are, once that is known.
  mutating func keep(_ format: ValueFormat, _ scale: ValueScale, ofMetric index: Int) {
    metrics[index].whole.format = format
    metrics[index].whole.scaleChoice = .given(scale)
    guard case .array(var trees) = resolved["metrics"] else { return }
    trees[index] = trees[index].replacing("values", with: format.tree).replacing("scale", with: scale.setting)
    resolved = resolved.replacing("metrics", with: .array(trees))
  }

  /// The training file.
  ///
  /// - Throws: `InputError` if the run file names none.
  var trainFile: DataSource {
    get throws {
      guard let source = data.train else {
        throw InputError(
          path: path, place: "key data.train", expected: "training answers, to learn how numbers are written",
          found: "no such key", remedy: "Or say it: metrics.0.values: { range: [0, 999], decimals: 0 }.")
      }
      return source
    }
  }

  /// Checks that need all settings.
  private func check(_ reader: SettingsReader) throws {
    var names = Set<String>()
    for (index, metric) in metrics.enumerated() where !names.insert(metric.name).inserted {
      throw reader.error(
        "metrics[\(index)].name", expected: "a name of its own", found: "\"\(metric.name)\" again",
        remedy: "Give each metric another name.")
    }
    if metrics.isEmpty, objective.preset.needsMetrics {
      throw reader.error(
        "metrics", expected: "at least one metric, since objective.preset is \(objective.preset.rawValue)",
        found: "none", remedy: "Add `metrics: [{ tokens: digits }]`, or choose preset sft.")
    }
  }
}

extension JSON {
  /// The object with one member changed.
  package func replacing(_ key: String, with value: JSON) -> JSON {
    guard case .object(var object) = self else { return self }
    object[key] = value
    return .object(object)
  }
}

/// A path as the run file's folder sees it; `~` is the user's home.
func pathInRunFile(_ path: String, from folder: String) -> String {
  absolutePath((path as NSString).expandingTildeInPath, from: folder)
}
