// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
import TokenData
public import Training

/// The model whose log-probabilities objectives over whole responses measure from.
public struct ReferenceSettings: Sendable, Hashable {
  /// A model, or the folder of a run; nil: the model that this run starts from.
  public var model: String?
  /// Where its log-probabilities come from.
  public var mode: ReferenceMode
  /// Folder of those that are computed before; nil: `reference` in the run's folder.
  public var folder: String?

  /// Memberwise; the defaults are the run file's.
  public init(model: String? = nil, mode: ReferenceMode = .auto, folder: String? = nil) {
    (self.model, self.mode, self.folder) = (model, mode, folder)
  }
}

extension ReferenceSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.folderOrName("model", &model)
    try keys.value("mode", &mode)
    try keys.path("folder", &folder)
  }
}

extension ReferenceMode: NamedSetting {}

/// Other models that objectives read: models, or folders of runs.
public struct TeacherSettings: Sendable, Hashable {
  /// Whom `gkd` and `dckd` learn from.
  public var teacher: String?
  /// Trained by DPO (`alignDistil`, `adpa`), and by DPO with the responses exchanged (`alignDistilAdaptive`).
  public var dpo: String?, reverse: String?
  /// Whose difference guides (`cfgDistil`).
  public var conditional: String?, unconditional: String?
  /// Trained on right and on wrong responses: they say which tokens matter (`criticalDPO`).
  public var positive: String?, negative: String?

  /// Memberwise.
  public init(
    teacher: String? = nil, dpo: String? = nil, reverse: String? = nil, conditional: String? = nil,
    unconditional: String? = nil, positive: String? = nil, negative: String? = nil
  ) {
    (self.teacher, self.dpo, self.reverse) = (teacher, dpo, reverse)
    (self.conditional, self.unconditional) = (conditional, unconditional)
    (self.positive, self.negative) = (positive, negative)
  }

  /// All of them, by the names that objectives have for them.
  static var keys: [(name: String, key: WritableKeyPath<TeacherSettings, String?>)] {
    [
      ("teacher", \.teacher), ("dpo", \.dpo), ("reverse", \.reverse), ("conditional", \.conditional),
      ("unconditional", \.unconditional), ("positive", \.positive), ("negative", \.negative),
    ]
  }

  /// Those that there are.
  var models: [(name: String, model: String)] {
    Self.keys.compactMap { name, key in self[keyPath: key].map { (name, $0) } }
  }
}

extension TeacherSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.folderOrName("teacher", &teacher)
    try keys.folderOrName("dpo", &dpo)
    try keys.folderOrName("reverse", &reverse)
    try keys.folderOrName("conditional", &conditional)
    try keys.folderOrName("unconditional", &unconditional)
    try keys.folderOrName("positive", &positive)
    try keys.folderOrName("negative", &negative)
  }
}

extension RunSettings {
  /// Whether lines are responses to prompts, rather than a prompt and its answer.
  public var readsResponses: Bool {
    switch objective.choice {
    case .tokens: false
    case .responses: true
    case .distillation(let preset): preset.readsResponses || data.records != nil
    }
  }

  /// Checks what objectives over whole responses ask of the other settings.
  func checkResponses(_ keys: any SettingsKeys) throws {
    let preset = objective.choice
    try keys.refuse(
      if: preset.isOfTokens && data.records != nil, "data.records",
      expected: "an objective over responses beside it", found: "objective.preset: \(preset.rawValue)",
      remedy: "For instance objective.preset: dpo; without data.records a prompt has one answer.")
    try keys.refuse(
      if: preset.isOfTokens && reference != ReferenceSettings(), "reference",
      expected: "an objective that reads a reference model", found: "objective.preset: \(preset.rawValue)",
      remedy: "For instance objective.preset: dpo.")
    try keys.refuse(
      if: !preset.isOfTokens && reward != nil, "reward", expected: "an objective of answers or of a head of scores",
      found: "objective.preset: \(preset.rawValue)",
      remedy: "Responses with scores are a group: data.records: group.")
    try keys.refuse(
      if: !preset.isOfTokens && data.areCodes, "objective.preset", expected: "an objective of tokens for image codes",
      found: preset.rawValue)
    try keys.refuse(
      if: preset.isOfTokens && train.earlyStop?.measurement != nil, "train.earlyStop.by",
      expected: "loss, which alone is measured here", found: "another figure",
      remedy: "Accuracies are of objectives over responses.")
    try checkTeachers(keys)
  }

  private func checkTeachers(_ keys: any SettingsKeys) throws {
    let given = teachers.models.map(\.name)
    var needed = [String]()
    if case .distillation(let preset) = objective.choice {
      let made = try naming("objective.preset") { try objective.distillationObjective(preset) }
      needed = made.referenceModels.filter { $0 != SequenceObjective.reference }
    } else if !given.isEmpty, objective.choice == .responses(.criticalDPO) {
      // Without them the weights of tokens are in the data.
      needed = LogitMixture.criticalTokens.models
    }
    if let missing = needed.first(where: { !given.contains($0) }) {
      throw keys.error(
        "teachers.\(missing)", expected: "the model that \(objective.choice.rawValue) reads", found: "no such key",
        remedy: "Add `teachers: { \(missing): a model, or the folder of a run }`.")
    }
    if let idle = given.first(where: { !needed.contains($0) }) {
      throw keys.error(
        "teachers.\(idle)", expected: "a model that \(objective.choice.rawValue) reads", found: idle,
        remedy: needed.isEmpty ? "Leave it out." : "It reads \(needed.joined(separator: ", ")).")
    }
  }
}

extension DataSettings {
  /// Reads responses as these settings say.
  ///
  /// - Parameter objective: tells what a line stands for that may be of two formats.
  func responseReader(_ objective: SequenceObjective?) -> ResponseReader {
    ResponseReader(
      // A preference is two single responses to those that read single ones.
      format: records ?? (objective?.target == .labels ? .unpaired : nil), fields: responseFields,
      skipsTies: ties == .skip,
      readsTokenValues: objective.map { $0.needsTokenWeights || $0.needsTokenRewards } ?? false)
  }
}
