// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
import MetricTokens
import Objectives
public import TokenData

/// A run: everything that `dist2 train` and related commands need to know, with defaults.
///
/// It is made in code, as here, or read from a run file, whose keys and defaults are the same:
///
///     var settings = RunSettings(
///       model: "models/SmolLM2-135M", data: DataSettings(train: "train.jsonl", test: "test.jsonl"),
///       metrics: [MetricSettings(tokens: .digits)])
///     settings.train.length = .epochs(3)
///     let run = TrainRun(try RunArtifacts(settings), command: "", terminal: .standardError)
///
/// `docs/run-files.md` explains every key; `Configs/` holds one commented file for each use.
public struct RunSettings: Sendable, Equatable {
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
  /// The model that objectives over whole responses measure from.
  public var reference: ReferenceSettings
  /// Other models that objectives read.
  public var teachers: TeacherSettings
  /// How.
  public var train: TrainSettings
  /// Evaluation of answers.
  public var evaluate: EvaluateSettings
  /// Folder of the run.
  public var output: String
  /// The file it was read from with what was set of it, for errors that show later.
  private var source: Source

  /// The file that errors name, no matter where it lies.
  public var path: String {
    get { source.document.path }
    set { source = Source(SettingsDocument(.object(JSONObject()), path: newValue)) }
  }

  /// Memberwise; the defaults are the run file's. Paths are as seen from the current folder.
  ///
  /// Values are checked where the settings are put to use, ``checked()``.
  public init(
    model: String, data: DataSettings = DataSettings(), reward: RatingReader? = nil, metrics: [MetricSettings] = [],
    objective: ObjectiveSettings = ObjectiveSettings(), reference: ReferenceSettings = ReferenceSettings(),
    teachers: TeacherSettings = TeacherSettings(), train: TrainSettings = TrainSettings(),
    evaluate: EvaluateSettings = EvaluateSettings(), output: String = "runs/run"
  ) {
    (self.model, self.data, self.reward, self.metrics) = (model, data, reward, metrics)
    (self.reference, self.teachers) = (reference, teachers)
    (self.objective, self.train, self.evaluate, self.output) = (objective, train, evaluate, output)
    source = Source(SettingsDocument(.object(JSONObject()), path: "settings"))
    // Brings paths into the form in which a file's are.
    _ = SettingsWriter().write(&self)
  }

  /// Where settings come from is none of them.
  private struct Source: Sendable, Equatable {
    let document: SettingsDocument
    init(_ document: SettingsDocument) { self.document = document }
    static func == (_: Source, _: Source) -> Bool { true }
  }

  // MARK: Reading

  /// Reads a run file.
  ///
  /// - Parameter overrides: assignments `key=value` in YAML that replace what the file says.
  /// - Throws: `InputError` naming file, line and key: a value out of range, a key that is not known (with the one
  ///   that was probably meant), one that is missing.
  public init(file path: String, overrides: [String] = []) throws {
    try self.init(SettingsDocument(file: path), overrides)
  }

  /// As ``init(file:overrides:)``, with the file's text at hand.
  public init(yaml: String, path: String = "run.yaml", overrides: [String] = []) throws {
    try self.init(SettingsDocument(yaml: yaml, path: path), overrides)
  }

  private init(_ document: SettingsDocument, _ overrides: [String]) throws {
    var document = document
    try document.expandMetricPresets()
    for override in overrides { try document.set(override) }
    // A length that is set takes the place of the other one in the file.
    for (set, other) in [("train.steps", "train.epochs"), ("train.epochs", "train.steps")]
    where document.assignment(of: set) != nil && document.assignment(of: other) == nil {
      try document.set(other, to: .null)
      break
    }
    try self.init(document)
  }

  private init(_ document: SettingsDocument) throws {
    var document = document
    try document.expandMetricPresets()
    let name = URL(fileURLWithPath: document.path).deletingPathExtension().lastPathComponent
    self.init(model: "", output: "runs/\(name)")
    source = Source(document)
    let reader = try SettingsReader(document)
    try visit(reader)
    try reader.finish()
    try check(reader)
  }

  /// These settings with keys set anew, as `--set` does.
  ///
  /// - Parameter assignments: `train.epochs=3`, with values in YAML.
  /// - Throws: `InputError` naming the assignment.
  public func setting(_ assignments: [String]) throws -> RunSettings {
    guard !assignments.isEmpty else { return self }
    return try RunSettings(SettingsDocument(resolved, path: path), assignments)
  }

  /// As ``setting(_:)``, with keys and their values in YAML apart.
  package func setting(keys: [(key: String, yaml: String)]) throws -> RunSettings {
    guard !keys.isEmpty else { return self }
    var document = SettingsDocument(resolved, path: path)
    for (key, yaml) in keys { try document.set(key, yaml: yaml) }
    return try RunSettings(document)
  }

  /// The same settings, if a run file can say them.
  ///
  /// - Throws: `InputError` naming the key of a value that is out of range, or that contradicts another.
  public func checked() throws -> RunSettings {
    _ = try RunSettings(SettingsDocument(resolved, path: path))
    return self
  }

  // MARK: Writing

  /// The same as a tree: every key with what it came to, paths absolute.
  public var resolved: JSON { SettingsWriter.tree(of: self) }

  /// The same as a short tree: keys that differ from their defaults. Paths within a folder are as seen from there.
  public func short(in folder: String? = nil) -> JSON {
    // α depends on the preset, and is said where it is another than the preset's own.
    var usual = RunSettings(model: "", objective: ObjectiveSettings(objective.choice))
    var defaults = SettingsWriter().write(&usual)
    let preset = ObjectiveSettings().choice.setting
    defaults["objective"] = defaults["objective"]?.replacing("preset", with: preset)
    var settings = self
    return .object(SettingsWriter(omitting: defaults, folder: folder).write(&settings))
  }

  // MARK: Use

  /// Runs what puts settings to use, and says of the errors of token spaces and objectives, which know neither files
  /// nor keys, which key of the run they are about.
  ///
  /// - Parameter temperature: the key of the temperature, if that may be at fault.
  /// - Throws: `InputError`, and any error of `body` that is of another kind.
  func naming<R>(_ key: String, temperature: String? = nil, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as TokenSpaceError {
      throw source.document.error(
        at: key, expected: "tokens that can carry a distance", found: "others: \(error.problem)", remedy: error.remedy)
    } catch let error as ObjectiveError {
      throw source.document.error(
        at: error.part == "temperature" ? temperature ?? key : key, expected: "an objective that can be computed",
        found: "\(error.part): \(error.problem)",
        remedy: error.remedy)
    }
  }

  /// The metrics whose numbers are taught whole.
  var taughtMetrics: [MetricSettings] { metrics.filter { $0.whole.areTaught(by: objective.preset) } }

  /// The metrics whose bins are taught as histograms.
  var histogramMetrics: [MetricSettings] { metrics.filter { $0.whole.isHistogram(under: objective.preset) } }

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
  private func check(_ keys: any SettingsKeys) throws {
    var names = Set<String>()
    for (index, metric) in metrics.enumerated() where !names.insert(metric.name).inserted {
      throw keys.error(
        "metrics[\(index)].name", expected: "a name of its own", found: "\"\(metric.name)\" again",
        remedy: "Give each metric another name.")
    }
    try keys.refuse(
      if: metrics.isEmpty && objective.preset.needsMetrics, "metrics",
      expected: "at least one metric, since objective.preset is \(objective.preset.rawValue)", found: "none",
      remedy: "Add `metrics: [{ tokens: digits }]`, or choose preset sft.")
    try checkResponses(keys)
  }
}

extension RunSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.folderOrName("model", &model)
    try keys.section("data", &data)
    try keys.optionalWordOrSection("reward", word: "data", &reward, new: .helpSteer2)
    try keys.sections("metrics", &metrics, new: MetricSettings(tokens: .digits))
    try keys.section("objective", &objective)
    try keys.section("reference", &reference)
    try keys.section("teachers", &teachers)
    try keys.section("train", &train)
    try keys.section("evaluate", &evaluate)
    // Its default depends on the file's name.
    var folder = keys.written(output)
    try keys.value("output", &folder)
    output = folder ?? output
  }
}

extension RunSettings: Codable {
  /// The text of a run file, as experiments keep it.
  ///
  /// - Throws: `InputError` for a text that is no run file.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    try self.init(yaml: text)
    path = "run.yaml"
  }

  /// Encodes the text of the run file as resolved.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(resolved.yaml)
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
