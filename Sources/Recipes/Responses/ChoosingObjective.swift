// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
package import TokenData

extension ObjectivePreset {
  /// Whether a preset reads a key of the section `objective`.
  ///
  /// - Parameter key: without the section.
  package func reads(_ key: String) -> Bool {
    sharedKeys.contains(key) || ObjectiveSettings(self).parameters.names.contains(key)
  }
}

extension ObjectivePreset {
  /// Whether responses are learnt one by one, so that a preference is two of them.
  ///
  /// - Throws: `ObjectiveError` for numbers that cannot be.
  package var learnsSingleResponses: Bool {
    get throws {
      guard case .responses(let preset) = self else { return false }
      return try SequenceObjective(preset).target == .labels
    }
  }
}

extension RunSettings {
  /// These settings with another objective, as a comparison varies them: its own numbers, unless it is the one that they
  /// have already; an objective of tokens keeps those that objectives of tokens share. A reference model and teachers that
  /// it does not read are left out.
  ///
  /// - Throws: `InputError` for numbers that cannot be.
  package func choosing(_ choice: ObjectivePreset) throws -> RunSettings {
    var settings = self
    switch choice {
    case .tokens(let preset): settings.objective.preset = preset
    case .responses, .distillation:
      if objective.choice != choice { settings.objective = ObjectiveSettings(choice) }
    }
    let read = try naming("objective.preset") { try settings.objective.modelsRead }
    if !read.contains(SequenceObjective.reference) { settings.reference = ReferenceSettings() }
    for (name, key) in TeacherSettings.keys where !read.contains(name) { settings.teachers[keyPath: key] = nil }
    return settings
  }
}

extension ObjectiveSettings {
  /// The other models that the objective reads, by its names for them.
  fileprivate var modelsRead: [String] {
    get throws {
      switch choice {
      case .tokens: []
      case .responses(let preset):
        try [sequenceObjective(preset)].filter { $0.needsReference || $0.needsDivergence }
          .map { _ in SequenceObjective.reference }
          + (preset == .criticalDPO ? LogitMixture.criticalTokens.models : [])
      case .distillation(let preset): try distillationObjective(preset).referenceModels
      }
    }
  }
}

extension ResponseArtifacts {
  /// Responses to test on, as the file has them: pairs stay pairs for an objective that learns single responses.
  ///
  /// - Throws: `InputError` for a line that cannot be used, or if no prompt has responses of unequal worth.
  package func heldOut(_ source: DataSource) throws -> ResponseDataset {
    let data = settings.data
    let dataset = try ResponseDataset(
      source,
      ResponseDataset.Rules(
        reader: data.responseReader(nil), encoder: base.encoder, maxLength: base.maxLength, tooLong: data.tooLong,
        skipBad: data.skipBad, limit: settings.evaluate.limit))
    guard dataset.examples.contains(where: { !($0.responses?.worth.orderedPairs ?? []).isEmpty }) else {
      throw InputError(
        path: dataset.summary.path, expected: "a prompt with responses of which one is better", found: "none",
        remedy: "Test on preferences or on scored responses, whatever is learnt.")
    }
    return dataset
  }
}
